//! A TCP proxy on loopback whose connections can be cut, stalled and refused.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// How many connections may wait to be taken.
const BACKLOG: u32 = 1024;

/// How a proxy treats those who come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Everything passes.
    Open,
    /// Connections stand, and nothing passes.
    Stalled,
    /// Requests pass, and no answer does.
    Mute,
    /// Connections are refused.
    Closed,
}

#[derive(Debug, Clone, Copy)]
struct State {
    door: Door,
    target: SocketAddr,
    n_cuts: u64,
    n_silences: u64,
}

/// A proxy to one address, gone with its connections when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    server: AbortHandle,
}

impl Proxy {
    /// Starts one that passes everything on to `target`.
    ///
    /// # Errors
    ///
    /// No port of loopback is free.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = bound((Ipv4Addr::LOCALHOST, 0).into())?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State {
            door: Door::Open,
            target,
            n_cuts: 0,
            n_silences: 0,
        });
        let server = tokio::spawn(serve(listener, address, state.subscribe()));
        Ok(Self {
            address,
            state,
            server: server.abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections; new ones pass.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.n_cuts += 1);
    }

    /// Leaves all connections standing and never lets anything through them again, as when the other
    /// side died without a word; new ones pass.
    pub fn silence(&self) {
        self.state.send_modify(|state| state.n_silences += 1);
    }

    /// Leads new connections to `target`; those that stand stay where they are.
    pub fn lead_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| state.target = target);
    }

    /// Lets nothing through, without saying so.
    pub fn stall(&self) {
        self.set(Door::Stalled);
    }

    /// Lets requests through and no answers, without saying so.
    pub fn stall_answers(&self) {
        self.set(Door::Mute);
    }

    /// Closes all connections and refuses new ones.
    pub fn close(&self) {
        self.set(Door::Closed);
    }

    /// Lets everything through again.
    pub fn open(&self) {
        self.set(Door::Open);
    }

    fn set(&self, door: Door) {
        self.state.send_modify(|state| state.door = door);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut listener: TcpListener, address: SocketAddr, mut state: watch::Receiver<State>) {
    loop {
        let mut connections = JoinSet::new();
        let mut closing = state.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    connections.spawn(pass(stream, state.clone()));
                },
                Some(_) = connections.join_next() => {}
                closed = closing.wait_for(|state| state.door == Door::Closed) => {
                    if closed.is_err() {
                        return;
                    }
                    break;
                }
            }
        }
        // Bound and not listening: it refuses, and nobody else takes the port meanwhile, not even at this moment.
        let Ok(refusing) = bound(address) else { return };
        drop((listener, connections));
        if state
            .wait_for(|state| state.door != Door::Closed)
            .await
            .is_err()
        {
            return;
        }
        let Ok(reopened) = refusing.listen(BACKLOG) else {
            return;
        };
        listener = reopened;
    }
}

/// A socket with this address, which another one of the proxy may have, too.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Passes one connection on until one side ends it or it is cut.
async fn pass(client: TcpStream, mut state: watch::Receiver<State>) {
    let begin = *state.borrow();
    let Ok(server) = TcpStream::connect(begin.target).await else {
        return;
    };
    // Where nobody listens, loopback may connect a socket with itself, which would keep the port.
    if server.local_addr().ok() == server.peer_addr().ok() {
        return;
    }
    let gates = [state.clone(), state.clone()];
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let [requests, answers] = gates;
    tokio::select! {
        _ = copy(from_client, to_server, requests, |state| {
            state.n_silences == begin.n_silences && matches!(state.door, Door::Open | Door::Mute)
        }) => {}
        _ = copy(from_server, to_client, answers, |state| {
            state.n_silences == begin.n_silences && state.door == Door::Open
        }) => {}
        _ = state.wait_for(|state| state.n_cuts != begin.n_cuts || state.door == Door::Closed) => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut gate: watch::Receiver<State>,
    passes: impl Fn(&State) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let open = gate.wait_for(&passes).await;
        open.map_err(io::Error::other)?;
        to.write_all(&buffer[..length]).await?;
    }
}
