//! Connects, and refuses a Redis that would lose what it is given.

use redis::{Client, InfoDict, IntoConnectionInfo as _, RedisError};
use smswatch_plugin::Secret;
use smswatch_plugin::store::StoreError;

use crate::connection::{self, Link};
use crate::error::{
    CLUSTER, is_forbidden, is_of_cluster, is_passing, is_refusal, is_unknown_command, words,
};

/// Where the store is and how it is laid out.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// `redis://…` or `rediss://…`; may hold a password.
    pub url: Secret,
    /// What every key begins with.
    pub key_prefix: String,
    /// Into how many shards the store is split; fixed at the first start.
    pub shards: u16,
}

impl RedisOptions {
    /// Whether this is a URL of one Redis.
    #[must_use]
    pub fn is_url(url: &str) -> bool {
        client(url).is_ok()
    }
}

/// Why Redis cannot be used as the store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none that this version knows.
    #[error("`store.url` is no URL of a single Redis, such as redis://127.0.0.1:6379")]
    Url,
    /// It cannot be reached, or refuses to talk.
    #[error("{words}")]
    Unreachable {
        /// What is wrong, with its address.
        words: String,
        /// Whether waiting can help, without a change of the configuration.
        is_passing: bool,
    },
    /// It is one node of a cluster, which holds a part of the keys only.
    #[error("Redis at {address} {CLUSTER}")]
    Cluster {
        /// Where it is.
        address: String,
    },
    /// It repeats what another one is given, and takes nothing itself.
    #[error("Redis at {address} is a replica; `store.url` must lead to the master")]
    Replica {
        /// Where it is.
        address: String,
    },
    /// It tells where others are, and keeps nothing.
    #[error(
        "Redis at {address} is a Sentinel, which keeps nothing; `store.url` must lead to the master \
         that it watches"
    )]
    Sentinel {
        /// Where it is.
        address: String,
    },
    /// It would throw away what it is given when memory runs short.
    #[error(
        "Redis has `maxmemory-policy {0}` and would throw watches away; set it to `noeviction`"
    )]
    Evicts(String),
    /// It is too old for the scripts.
    #[error("Redis {0} is too old; smswatch needs 6.2 or later")]
    TooOld(String),
    /// What an earlier version stored could not be made ready for this one.
    #[error("could not make what an earlier version stored ready for this one")]
    Upgrade(#[source] StoreError),
    /// It was split differently at its first start.
    #[error(
        "the store was made with {stored} shards and `store.shards` is {wanted}; set it to {stored}, \
         or begin anew under another `store.key_prefix`"
    )]
    Shards {
        /// How many it was made with.
        stored: u16,
        /// How many are configured.
        wanted: u16,
    },
}

impl OpenError {
    /// Whether Redis may just not be there yet, so that waiting can help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { is_passing, .. } => *is_passing,
            Self::Upgrade(error) => matches!(error, StoreError::Unavailable(_)),
            Self::Url
            | Self::Cluster { .. }
            | Self::Sentinel { .. }
            | Self::Replica { .. }
            | Self::Evicts(_)
            | Self::TooOld(_)
            | Self::Shards { .. } => false,
        }
    }

    /// What the first talk with Redis came to. A login that is refused now is a mistake; later it is
    /// something that changed.
    pub(crate) fn of(error: &RedisError, address: &str) -> Self {
        if is_of_cluster(error) {
            return Self::Cluster {
                address: address.to_owned(),
            };
        }
        let needs_a_person = is_refusal(error) || is_forbidden(error) || is_unknown_command(error);
        Self::Unreachable {
            words: words(error, address),
            is_passing: is_passing(error) && !needs_a_person,
        }
    }
}

/// A Redis that was asked what it is, and that can be the store as far as that tells.
pub(crate) struct Checked {
    pub(crate) link: Link,
    pub(crate) address: String,
    /// What it tells about itself, where it tells anything.
    pub(crate) info: Option<InfoDict>,
    /// For the operator.
    pub(crate) warnings: Vec<String>,
}

/// Connects and checks; the texts are warnings for the operator.
pub(crate) async fn open(options: &RedisOptions) -> Result<(Link, Vec<String>), OpenError> {
    let mut checked = checked(options).await?;
    check_shards(&mut checked.link, &checked.address, options).await?;
    Ok((checked.link, checked.warnings))
}

/// Connects and asks what this Redis is; nothing is written.
pub(crate) async fn checked(options: &RedisOptions) -> Result<Checked, OpenError> {
    let client = client(options.url.reveal())?;
    let address = connection::address(&client);
    let failed = |error: RedisError| OpenError::of(&error, &address);
    let mut link = connection::connect(client).await.map_err(failed)?;
    let mut warnings = Vec::new();
    let mut told = None;
    // INFO is asked, and not CONFIG, which hosted services often refuse.
    match redis::cmd("INFO").query_async::<InfoDict>(&mut link).await {
        Ok(info) => {
            check(&info, &address, &mut warnings)?;
            told = Some(info);
        }
        Err(error) if may_hide_info(&error) => warnings.push(format!(
            "Redis does not let this user read INFO ({error}): make sure that `maxmemory-policy` is \
             `noeviction`, that AOF is on, and that it is no node of a Redis Cluster"
        )),
        Err(error) => return Err(failed(error)),
    }
    Ok(Checked {
        link,
        address,
        info: told,
        warnings,
    })
}

/// Whether this says that INFO is not for this user, and nothing about Redis as a whole.
fn may_hide_info(error: &RedisError) -> bool {
    is_forbidden(error) || is_unknown_command(error) || !is_passing(error)
}

fn client(url: &str) -> Result<Client, OpenError> {
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err(OpenError::Url);
    }
    let client = url
        .into_connection_info()
        .and_then(|info| Client::open(info.set_tcp_settings(connection::tcp())));
    // What is wrong with the URL is not repeated: it may hold a password.
    client.map_err(|_| OpenError::Url)
}

fn check(info: &InfoDict, address: &str, warnings: &mut Vec<String>) -> Result<(), OpenError> {
    let text = |name: &str| info.get::<String>(name).unwrap_or_default();
    let address = address.to_owned();
    if text("redis_mode") == "sentinel" {
        return Err(OpenError::Sentinel { address });
    }
    if text("cluster_enabled") == "1" || text("redis_mode") == "cluster" {
        return Err(OpenError::Cluster { address });
    }
    let version = text("redis_version");
    let mut numbers = version
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    let is_old = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (6, 2);
    if is_old && !version.is_empty() {
        return Err(OpenError::TooOld(version));
    }
    match text("maxmemory_policy").as_str() {
        "noeviction" => {}
        "" => warnings.push(
            "Redis does not tell its `maxmemory-policy`: make sure that it is `noeviction`, or \
             watches are thrown away when memory runs short"
                .to_owned(),
        ),
        policy => return Err(OpenError::Evicts(policy.to_owned())),
    }
    match text("aof_enabled").as_str() {
        "" => warnings.push(
            "Redis does not tell whether it has an AOF: without one, what was written since its \
             last snapshot is lost when it stops"
                .to_owned(),
        ),
        "0" => warnings.push(
            "Redis has no AOF (`appendonly no`): what was written since its last snapshot is lost \
             when it stops"
                .to_owned(),
        ),
        _ => {}
    }
    Ok(())
}

/// Where it is noted into how many shards the store is split.
pub(crate) fn shards_key(options: &RedisOptions) -> String {
    format!("{}:{{0}}:shards", options.key_prefix)
}

async fn check_shards(
    link: &mut Link,
    link_address: &str,
    options: &RedisOptions,
) -> Result<(), OpenError> {
    let failed = |error: RedisError| OpenError::of(&error, link_address);
    let key = shards_key(options);
    let wanted = options.shards.to_string();
    redis::cmd("SET")
        .arg(&key)
        .arg(&wanted)
        .arg("NX")
        .query_async::<Option<String>>(link)
        .await
        .map_err(failed)?;
    let stored: String = redis::cmd("GET")
        .arg(&key)
        .query_async(link)
        .await
        .map_err(failed)?;
    if stored == wanted {
        return Ok(());
    }
    Err(OpenError::Shards {
        stored: stored.parse().unwrap_or(0),
        wanted: options.shards,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(info: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        check(&InfoDict::new(info), "127.0.0.1:6379", &mut warnings)
            .expect("it is no reason to refuse");
        warnings
    }

    #[test]
    fn what_info_does_not_tell_is_warned_of() {
        let known = "redis_version:7.2.4\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        assert_eq!(warnings(known), Vec::<String>::new());
        let without = |line: &str| warnings(&known.replace(line, ""));
        let policy = without("maxmemory_policy:noeviction\r\n");
        assert!(policy[0].contains("maxmemory-policy"), "{policy:?}");
        let aof = without("aof_enabled:1\r\n");
        assert!(aof[0].contains("AOF"), "{aof:?}");
        assert_eq!(warnings("").len(), 2);
    }

    #[test]
    fn a_node_of_a_cluster_and_a_sentinel_are_refused_with_what_they_are() {
        let refused = |info: &str| {
            let checked = check(&InfoDict::new(info), "10.0.0.7:6379", &mut Vec::new());
            checked.expect_err("it is refused").to_string()
        };
        let known = "redis_version:7.2.4\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        let cluster = refused(&format!("{known}cluster_enabled:1\r\n"));
        assert!(cluster.contains("a node of a Redis Cluster"), "{cluster}");
        assert!(cluster.contains("10.0.0.7:6379"), "{cluster}");
        let sentinel = refused(&format!("{known}redis_mode:sentinel\r\n"));
        assert!(sentinel.contains("a Sentinel"), "{sentinel}");
    }
}
