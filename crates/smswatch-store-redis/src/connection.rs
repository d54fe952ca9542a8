//! The one connection that all calls share.

use std::time::Duration;

use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::open::OpenError;

/// How long Redis may take to answer before a call counts as failed.
const RESPONSE: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest pause between two tries to connect again.
const MAX_DELAY: Duration = Duration::from_secs(2);

pub(crate) async fn connect(url: &str) -> Result<ConnectionManager, OpenError> {
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(OpenError::Url);
    }
    // What is wrong with the URL is not repeated: it may hold a password.
    let client = Client::open(url).map_err(|_| OpenError::Url)?;
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(RESPONSE))
        .set_connection_timeout(Some(CONNECT))
        .set_max_delay(MAX_DELAY)
        .set_number_of_retries(2);
    ConnectionManager::new_with_config(client, config)
        .await
        .map_err(OpenError::Unreachable)
}
