//! Opens the store that the configuration names, and waits for one that is not there yet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smswatch_core::HealthReport;
use smswatch_http::StartupGate;
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::Store;
use smswatch_store_redis::RedisStore;
use smswatch_store_sqlite::SqliteStore;

use crate::service_manager;
use crate::settings::StoreChoice;

/// The pause after the first failed try; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause: a store that comes back is found within about this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

const CLOCK: &str = "could not read the store's clock";

/// What became of a try to open the store.
pub(super) enum Opened {
    /// With what its clock says.
    Ready(Arc<dyn Store>, Timestamp),
    /// It is open, and does not answer.
    Silent(Arc<dyn Store>, anyhow::Error),
    /// It is not there, and may come without a change of the configuration.
    NotYet(anyhow::Error),
}

/// Tries once; what only a person can mend is an error.
pub(super) async fn open(choice: &StoreChoice) -> anyhow::Result<Opened> {
    match choice {
        StoreChoice::Sqlite(path) => {
            let file = path.clone();
            // A file that is locked is waited for within SQLite, where it would hold a thread up that
            // belongs to all.
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&file)).await?;
            let failed = || format!("could not open the store {}", path.display());
            match opened {
                Ok(store) => Ok(ask(Arc::new(store)).await),
                Err(error) if error.is_passing() => {
                    Ok(Opened::NotYet(anyhow::Error::new(error).context(failed())))
                }
                Err(error) => Err(error).with_context(failed),
            }
        }
        StoreChoice::Redis(options) => match RedisStore::open(options.clone()).await {
            Ok((store, warnings)) => {
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                Ok(ask(Arc::new(store)).await)
            }
            Err(error) if error.is_passing() => Ok(Opened::NotYet(error.into())),
            Err(error) => Err(error).context("could not open the store in Redis"),
        },
    }
}

/// Asks an open store for the time.
async fn ask(store: Arc<dyn Store>) -> Opened {
    match smswatch_core::store_time(&*store).await {
        Ok(now) => Opened::Ready(store, now),
        Err(error) => Opened::Silent(store, anyhow::Error::new(error).context(CLOCK)),
    }
}

/// Tries until the store is there. Meanwhile the log and `/readyz` say what is waited for.
pub(super) async fn wait(
    mut opened: Opened,
    choice: &StoreChoice,
    door: &StartupGate,
    address: SocketAddr,
) -> anyhow::Result<(Arc<dyn Store>, Timestamp)> {
    let mut pause = FIRST_PAUSE;
    let mut last_trouble = None;
    loop {
        let (silent, trouble) = match opened {
            Opened::Ready(store, now) => return Ok((store, now)),
            Opened::Silent(store, error) => (Some(store), format!("{error:#}")),
            Opened::NotYet(error) => (None, format!("{error:#}")),
        };
        door.say(HealthReport::waiting_for_store(&trouble));
        if last_trouble.as_ref() != Some(&trouble) {
            tracing::warn!(
                trouble,
                "smswatch waits for its store; http://{address}/readyz says so"
            );
            service_manager::waiting(&format!("waits for its store: {trouble}"));
            last_trouble = Some(trouble);
        }
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        opened = match silent {
            Some(store) => ask(store).await,
            None => open(choice).await?,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_somebody_else_locks_is_waited_for_and_one_of_another_smswatch_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store.db");
        let choice = StoreChoice::Sqlite(path.clone());
        let backup = rusqlite::Connection::open(&path).expect("a file");
        backup.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
        let opening = tokio::spawn(async move { open(&choice).await });
        // The only thread of this runtime goes on while SQLite waits.
        tokio::task::yield_now().await;
        assert!(!opening.is_finished());
        let opened = opening.await.expect("an answer");
        let Ok(Opened::NotYet(error)) = opened else {
            panic!("it is locked");
        };
        assert!(format!("{error:#}").contains("locked"), "{error:#}");
        backup.execute_batch("ROLLBACK").expect("it gives way");

        let choice = StoreChoice::Sqlite(path);
        let Ok(Opened::Ready(store, _)) = open(&choice).await else {
            panic!("it is free");
        };
        let refused = open(&choice).await.err().expect("it is in use");
        assert!(format!("{refused:#}").contains("in use"), "{refused:#}");
        drop(store);
    }
}
