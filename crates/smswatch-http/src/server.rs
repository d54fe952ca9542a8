//! The listener: opened before anything is promised, and closed without cutting answers off.

use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::auth::{ApiToken, Tokens};
use crate::door::Door;
use crate::routes;

/// Where to listen, and for whom.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The address to listen on; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Who may call `/v1`; none of them lets everybody.
    pub tokens: Vec<ApiToken>,
}

/// A listener that is open and not yet answered.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    door: Door,
}

impl Server {
    /// Opens the listener; callers wait until [`Server::serve`] runs, and get to the service when
    /// the [`Door`] is open.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub async fn bind(options: HttpOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let door = Door::closed();
        let router = routes::router(Tokens::new(options.tokens), door.clone());
        Ok(Self {
            listener,
            address,
            router,
            door,
        })
    }

    /// The address that is listened on, with the port that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What opens the server to a service.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Answers until `stop`, then takes no more calls, and ends when those under way are answered, or
    /// at `cut`.
    pub async fn serve(self, stop: CancellationToken, cut: CancellationToken) {
        let listener = self.listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
        });
        let drained =
            axum::serve(listener, self.router).with_graceful_shutdown(stop.cancelled_owned());
        tokio::select! {
            ended = drained => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the HTTP server ended");
                }
            }
            () = cut.cancelled() => {
                tracing::warn!("calls were still under way when the HTTP server ended");
            }
        }
    }
}
