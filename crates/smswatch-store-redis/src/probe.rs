//! Tries whether a Redis can be the store, and writes nothing.

use redis::RedisError;

use crate::open::{Checked, OpenError, RedisOptions, checked, shards_key};

/// What was found in a Redis that can be the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Where it is, without the login.
    pub address: String,
    /// Its version, where it tells.
    pub version: Option<String>,
    /// Into how many shards the store is split that is there already; `None` if there is none.
    pub shards: Option<u16>,
    /// For the operator.
    pub warnings: Vec<String>,
}

/// Tries whether the Redis that `options` names can be the store: whether it can be reached and takes the
/// login, what it is, whether it keeps what it is given, and how it is split. Nothing is written.
///
/// # Errors
///
/// It cannot; says why.
pub async fn probe(options: &RedisOptions) -> Result<Probed, OpenError> {
    let Checked {
        mut link,
        address,
        info,
        warnings,
    } = checked(options).await?;
    let told = |name: &str| info.as_ref()?.get::<String>(name);
    if told("role").is_some_and(|role| role == "slave") {
        return Err(OpenError::Replica { address });
    }
    let stored = redis::cmd("GET")
        .arg(shards_key(options))
        .query_async::<Option<String>>(&mut link)
        .await;
    let stored = stored.map_err(|error: RedisError| OpenError::of(&error, &address))?;
    let shards = stored.map(|stored| stored.parse().unwrap_or(0));
    match shards {
        Some(stored) if stored != options.shards => Err(OpenError::Shards {
            stored,
            wanted: options.shards,
        }),
        shards => Ok(Probed {
            version: told("redis_version").filter(|version| !version.is_empty()),
            address,
            shards,
            warnings,
        }),
    }
}
