//! Puts the parts of a process together as the configuration wants them; names every crate.

use std::sync::Arc;

use anyhow::Context as _;
use smswatch_core::store::Store;
use smswatch_core::{Engine, Parts};
use smswatch_http::Server;
use smswatch_routee::RouteeProvider;
use smswatch_store_redis::{RedisOptions, RedisStore};
use smswatch_store_sqlite::SqliteStore;

use crate::heartbeat::Heartbeat;
use crate::settings::{Configuration, StoreChoice};

/// A process at work: the four stages, and a door for others.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) server: Server,
    pub(crate) heartbeat: Option<Heartbeat>,
}

/// Opens the store, starts the stages and opens the door.
pub(crate) async fn start(configuration: Configuration) -> anyhow::Result<Process> {
    let heartbeat = configuration.heartbeat.as_ref().map(Heartbeat::new);
    let heartbeat = heartbeat.transpose()?;
    let store = open(&configuration.store).await?;
    let provider =
        RouteeProvider::new(configuration.routee).context("could not set up the Routee client")?;
    let parts = Parts {
        store,
        provider: Arc::new(provider),
        rules: Arc::new(configuration.rules),
        sinks: configuration.sinks,
        privacy: configuration.privacy,
        settings: configuration.settings,
    };
    let listen = configuration.http.listen;
    let engine = Engine::start(parts)
        .await
        .context("could not read the store's clock")?;
    let server = Server::bind(configuration.http, engine.service())
        .await
        .with_context(|| format!("could not listen on {listen}"))?;
    Ok(Process {
        engine,
        server,
        heartbeat,
    })
}

async fn open(choice: &StoreChoice) -> anyhow::Result<Arc<dyn Store>> {
    match choice {
        StoreChoice::Sqlite(path) => {
            let store = SqliteStore::open(path)
                .with_context(|| format!("could not open the store {}", path.display()))?;
            Ok(Arc::new(store))
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
            let (store, warnings) = RedisStore::open(options)
                .await
                .context("could not open the store in Redis")?;
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            Ok(Arc::new(store))
        }
    }
}
