//! Opens the store that the configuration names, and waits for one that is not there yet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smswatch_core::HealthReport;
use smswatch_core::model::Timestamp;
use smswatch_core::store::Store;
use smswatch_http::Door;
use smswatch_store_redis::{RedisOptions, RedisStore};
use smswatch_store_sqlite::SqliteStore;

use crate::settings::StoreChoice;

/// The pause after the first try in vain; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause: a store that comes back is found within about this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const CLOCK: &str = "could not read the store's clock";

/// What became of a try to open the store.
pub(super) enum Opened {
    /// With what its clock says.
    Ready(Arc<dyn Store>, Timestamp),
    /// It is not there, and may come without anybody changing anything here.
    NotYet(anyhow::Error),
}

/// Tries once; what only a person can mend is an error.
pub(super) async fn open(choice: &StoreChoice) -> anyhow::Result<Opened> {
    match choice {
        StoreChoice::Sqlite(path) => {
            let store = SqliteStore::open(path)
                .with_context(|| format!("could not open the store {}", path.display()))?;
            let now = store.now().await.context(CLOCK)?;
            Ok(Opened::Ready(Arc::new(store), now))
        }
        StoreChoice::Redis {
            url,
            key_prefix,
            shards,
        } => {
            let options = RedisOptions {
                url: url.clone(),
                key_prefix: key_prefix.clone(),
                shards: *shards,
            };
            match RedisStore::open(options).await {
                Ok((store, warnings)) => {
                    for warning in warnings {
                        tracing::warn!("{warning}");
                    }
                    Ok(match store.now().await {
                        Ok(now) => Opened::Ready(Arc::new(store), now),
                        Err(error) => Opened::NotYet(anyhow::Error::new(error).context(CLOCK)),
                    })
                }
                Err(error) if error.is_passing() => Ok(Opened::NotYet(error.into())),
                Err(error) => Err(error).context("could not open the store in Redis"),
            }
        }
    }
}

/// Tries until the store is there. Meanwhile the log and `/readyz` say what is waited for.
pub(super) async fn wait(
    mut opened: Opened,
    choice: &StoreChoice,
    door: &Door,
    address: SocketAddr,
) -> anyhow::Result<(Arc<dyn Store>, Timestamp)> {
    let mut pause = FIRST_PAUSE;
    let mut last_trouble = None;
    loop {
        let trouble = match opened {
            Opened::Ready(store, now) => return Ok((store, now)),
            Opened::NotYet(error) => format!("{error:#}"),
        };
        door.say(HealthReport::waiting_for_store(&trouble));
        if last_trouble.as_ref() != Some(&trouble) {
            tracing::warn!(
                trouble,
                "smswatch waits for its store; http://{address}/readyz says so"
            );
            last_trouble = Some(trouble);
        }
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        opened = open(choice).await?;
    }
}
