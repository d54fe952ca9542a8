//! Tries whether the configured store can be used, and says what it found in a line.

use smswatch_plugin::sink::Probe;
use smswatch_store_sqlite::Probed;

use super::Tried;
use crate::settings::StoreChoice;

/// What is known of the store without changing it.
pub(super) async fn probe(choice: StoreChoice) -> Tried {
    let said = match choice {
        StoreChoice::Sqlite(path) => {
            let shown = path.display().to_string();
            // A file that is locked is waited for within SQLite.
            let probing = tokio::task::spawn_blocking(move || smswatch_store_sqlite::probe(&path));
            let probed = probing.await.map_err(|error| error.to_string())?;
            match probed.map_err(whole)? {
                Probed::Missing => format!("{shown} is made at the first start"),
                Probed::Ready => format!("{shown} can be opened and written"),
                Probed::InUse => format!(
                    "{shown} is in use by another smswatch, which is fine if that is the one to be \
                     restarted"
                ),
            }
        }
        StoreChoice::Redis(options) => {
            let probed = smswatch_store_redis::probe(&options).await.map_err(whole)?;
            redis(&probed, &options.key_prefix)
        }
    };
    Ok(Probe::Answered(said))
}

fn redis(probed: &smswatch_store_redis::Probed, key_prefix: &str) -> String {
    let version = probed.version.as_deref().unwrap_or_default();
    let redis = format!("Redis {version}").trim_end().to_owned();
    let address = &probed.address;
    let found = match probed.shards {
        Some(1) => format!("holds 1 shard under `{key_prefix}`"),
        Some(shards) => format!("holds {shards} shards under `{key_prefix}`"),
        None => format!("holds nothing under `{key_prefix}` yet"),
    };
    let mut said = format!("{redis} at {address} {found}");
    for warning in &probed.warnings {
        said.push_str("; warning: ");
        said.push_str(warning);
    }
    said
}

/// An error with its causes.
fn whole(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_told_with_what_it_holds_and_what_to_mind() {
        let probed = smswatch_store_redis::Probed {
            address: "10.0.0.7:6379".to_owned(),
            version: Some("7.2.4".to_owned()),
            shards: Some(16),
            warnings: vec!["Redis has no AOF".to_owned()],
        };
        assert_eq!(
            redis(&probed, "smswatch"),
            "Redis 7.2.4 at 10.0.0.7:6379 holds 16 shards under `smswatch`; warning: Redis has no AOF"
        );
        let empty = smswatch_store_redis::Probed {
            version: None,
            shards: None,
            warnings: Vec::new(),
            ..probed
        };
        assert_eq!(
            redis(&empty, "smswatch"),
            "Redis at 10.0.0.7:6379 holds nothing under `smswatch` yet"
        );
    }
}
