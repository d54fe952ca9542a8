//! The one connection that all calls share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, Pipeline, RedisFuture, RedisResult, Value};

use crate::error::is_refusal;

/// How long Redis may take to answer before a call counts as failed.
const RESPONSE: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest pause between two tries to connect again.
const MAX_DELAY: Duration = Duration::from_secs(2);

/// A connection that comes back by itself, whatever ended it. Cheap to clone.
///
/// A manager tries again after trouble with the network, and never after Redis has refused its
/// login; then another one takes its place.
#[derive(Clone)]
pub(crate) struct Link {
    client: Arc<Client>,
    current: Arc<Mutex<Current>>,
}

#[derive(Clone)]
struct Current {
    generation: u64,
    manager: ConnectionManager,
}

fn config() -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE))
        .set_connection_timeout(Some(CONNECT))
        .set_max_delay(MAX_DELAY)
        .set_number_of_retries(2)
}

pub(crate) async fn connect(client: Client) -> RedisResult<Link> {
    let manager = ConnectionManager::new_with_config(client.clone(), config()).await?;
    let current = Current {
        generation: 0,
        manager,
    };
    Ok(Link {
        client: Arc::new(client),
        current: Arc::new(Mutex::new(current)),
    })
}

impl Link {
    fn current(&self) -> Current {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Replaces the manager whose login was refused, unless another call has done so.
    fn note<T>(&self, generation: u64, result: &RedisResult<T>) {
        if !matches!(result, Err(error) if is_refusal(error)) {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.generation != generation {
            return;
        }
        // It connects when it is used: the pace is that of those who call.
        if let Ok(manager) =
            ConnectionManager::new_lazy_with_config(Client::clone(&self.client), config())
        {
            *current = Current {
                generation: generation + 1,
                manager,
            };
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut current = self.current();
            let result = current.manager.req_packed_command(command).await;
            self.note(current.generation, &result);
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
            let mut current = self.current();
            let manager = &mut current.manager;
            let result = manager.req_packed_commands(pipeline, offset, count).await;
            self.note(current.generation, &result);
            result
        })
    }

    fn get_db(&self) -> i64 {
        self.current().manager.get_db()
    }
}
