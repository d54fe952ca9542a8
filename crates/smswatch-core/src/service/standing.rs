//! How messages do just now: read for many at once, each shard with one call.

use std::collections::{BTreeMap, HashMap};

use futures::future::try_join_all;
use smswatch_model::{MessageId, Outcome};

use super::Service;
use super::error::ServiceError;
use crate::record::WatchState;
use crate::store::{Loaded, Shard, StoreError};
use crate::watch::Watch;

/// How a message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What state its watch is in; `None` if this version cannot read that.
    pub state: Option<WatchState>,
    /// How its parts do; `None` if this version cannot read that.
    pub outcome: Option<Outcome>,
}

impl Standing {
    /// How a message does whose watch is this one; `None` if it has none.
    fn of(stored: Loaded) -> Option<Self> {
        let Ok(record) = stored else {
            let (state, outcome) = (None, None);
            return Some(Self { state, outcome });
        };
        let record = record?;
        let watch = Watch::decode(&record).ok();
        Some(Self {
            state: Some(record.state()),
            outcome: watch.map(|watch| watch.snapshot.outcome()),
        })
    }
}

impl Service {
    /// How the messages of these ids do just now, as far as they are watched or remembered.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn standing(
        &self,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Standing>, ServiceError> {
        let context = &self.context;
        let mut shards: BTreeMap<Shard, Vec<(MessageId, MessageId)>> = BTreeMap::new();
        for id in ids {
            let key = id.to_lowercase();
            let of_shard = shards.entry(context.shard_of_key(&key)).or_default();
            of_shard.push((key, id.clone()));
        }
        let loads = shards.into_iter().map(|(shard, wanted)| async move {
            let (keys, ids): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
            let load = context.store.load(shard, &keys);
            let records = context.call("load", load).await?;
            let known = ids.into_iter().zip(records);
            let known = known.filter_map(|(id, stored)| Some((id, Standing::of(stored)?)));
            Ok::<_, StoreError>(known.collect::<Vec<_>>())
        });
        Ok(try_join_all(loads).await?.into_iter().flatten().collect())
    }
}
