//! The one connection that all calls share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisFuture, RedisResult, Value};

use crate::error::wants_another_connection;

/// How long Redis may take to answer before a call counts as failed.
const RESPONSE: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long after one try to connect the next one begins at the earliest.
const PAUSE: Duration = Duration::from_millis(250);
/// After how much silence, and how often then, the system asks whether the other side still lives.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A connection that is replaced whatever ended it. Cheap to clone.
///
/// It connects when it is used: the pace is that of those who call, at most one try in each
/// [`PAUSE`]. Calls that are under way keep the connection that they began on.
#[derive(Clone)]
pub(crate) struct Link {
    client: Arc<Client>,
    address: Arc<str>,
    current: Arc<Mutex<Current>>,
}

type Connecting = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

struct Current {
    generation: u64,
    began_at: Instant,
    is_lost: bool,
    connecting: Connecting,
}

/// Settings of the sockets: a small command does not wait for others; a peer that died without a word
/// is noticed while nobody asks it anything; and what a connection that was given up has not brought
/// to Redis yet never takes place, as a claim would whose lease was ended over the next one already.
pub(crate) fn tcp() -> TcpSettings {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE);
    TcpSettings::default()
        .set_nodelay(true)
        .set_linger_time(Duration::ZERO)
        .set_keepalive(keepalive)
}

/// Where a client leads: host and port, never the login.
pub(crate) fn address(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}

pub(crate) async fn connect(client: Client) -> RedisResult<Link> {
    let client = Arc::new(client);
    let current = Current::begin(&client, 0);
    current.connecting.clone().await?;
    Ok(Link {
        address: address(&client).into(),
        client,
        current: Arc::new(Mutex::new(current)),
    })
}

impl Current {
    fn begin(client: &Arc<Client>, generation: u64) -> Self {
        let client = Arc::clone(client);
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(RESPONSE))
            .set_connection_timeout(Some(CONNECT));
        let connecting = async move {
            client
                .get_multiplexed_async_connection_with_config(&config)
                .await
        };
        Self {
            generation,
            began_at: Instant::now(),
            is_lost: false,
            connecting: connecting.boxed().shared(),
        }
    }
}

impl Link {
    /// Where it leads: host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to use now, and which one it is.
    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let (generation, connecting) = {
            let mut current = self.lock();
            if current.is_lost && current.began_at.elapsed() >= PAUSE {
                *current = Current::begin(&self.client, current.generation + 1);
            }
            (current.generation, current.connecting.clone())
        };
        match connecting.await {
            Ok(connection) => Ok((generation, connection)),
            Err(error) => {
                self.lose(generation);
                Err(error)
            }
        }
    }

    /// Lets another connection take the place of this one, unless that has happened.
    fn lose(&self, generation: u64) {
        let mut current = self.lock();
        if current.generation == generation {
            current.is_lost = true;
        }
    }

    fn note<T>(&self, generation: u64, result: &RedisResult<T>) {
        if matches!(result, Err(error) if wants_another_connection(error)) {
            self.lose(generation);
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (generation, mut connection) = self.connection().await?;
            // What Redis refuses comes as an answer here, and becomes an error only later.
            let result = match connection.req_packed_command(command).await {
                Ok(refusal @ Value::ServerError(_)) => refusal.extract_error(),
                result => result,
            };
            self.note(generation, &result);
            result
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let (generation, mut connection) = self.connection().await?;
            let result = connection
                .req_packed_commands(pipeline, offset, count)
                .await;
            self.note(generation, &result);
            result
        })
    }

    fn get_db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }
}
