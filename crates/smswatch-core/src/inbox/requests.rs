//! Hands requests to change watches to the commit stage, and waits for its replies.

use std::sync::Arc;

use smswatch_model::MessageId;
use tokio::sync::mpsc;

use super::changes::{Change, Reason, Reply, Request};
use crate::context::Context;
use crate::intake::Intake;
use crate::record::Record;
use crate::store::{Loaded, Shard, StoreError};
use crate::watch::Watch;

/// The way to the second stage for all who are not the first. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    pub(crate) context: Arc<Context>,
    /// It ends with the first stage.
    pub(crate) changes: mpsc::WeakSender<Change>,
    /// Which shards the second stage cannot write just now.
    pub(crate) commits: Arc<Intake>,
}

/// A change to be asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The id under which the store knows the watch.
    pub(crate) key: MessageId,
    /// How the store holds it, as far as is known.
    pub(crate) record: Option<Record>,
    /// The same, decoded.
    pub(crate) watch: Option<Watch>,
    pub(crate) request: Request,
}

/// A watch that this version cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnreadableWatch;

/// A watch as the store holds it, and what it says; `None` if there is none.
pub(crate) type Stored = Option<(Record, Watch)>;

impl Wanted {
    /// Asks for a change of a watch that is stored so.
    pub(crate) fn new(key: MessageId, stored: Stored, request: Request) -> Self {
        let (record, watch) = stored.unzip();
        Self {
            key,
            record,
            watch,
            request,
        }
    }
}

impl Requests {
    /// Reads the watches of one shard, in their order.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn load(
        &self,
        shard: Shard,
        keys: &[MessageId],
    ) -> Result<Vec<Result<Stored, UnreadableWatch>>, StoreError> {
        let load = self.context.store.load(shard, keys);
        let loaded = self.context.call("load", load).await?;
        let known = keys.iter().zip(loaded);
        Ok(known.map(|(key, loaded)| readable(key, loaded)).collect())
    }

    /// Has watches of one shard changed, and waits until all of that is written. The replies come in no
    /// order, one for each.
    ///
    /// # Errors
    ///
    /// The shard cannot be written just now, or the process stops. Some changes may take place nevertheless.
    pub(crate) async fn submit(
        &self,
        shard: Shard,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Reply>, StoreError> {
        // What waits for a shard that fails is not bounded, and nobody would wait for its reply.
        if self.commits.is_failing(shard) {
            return Err(failing());
        }
        let n_wanted = wanted.len();
        let Some(changes) = self.changes.upgrade() else {
            return Err(stopping());
        };
        let (reply, mut replies) = mpsc::unbounded_channel();
        let written = async {
            for wanted in wanted {
                let change = Change {
                    shard,
                    message_id: wanted.key,
                    record: wanted.record,
                    watch: wanted.watch,
                    reason: Reason::Asked(wanted.request, reply.clone()),
                };
                if changes.send(change).await.is_err() {
                    break;
                }
            }
            drop((changes, reply));
            let mut all = Vec::with_capacity(n_wanted);
            while let Some(reply) = replies.recv().await {
                all.push(reply);
            }
            all
        };
        let all = tokio::select! {
            biased;
            all = written => all,
            // What was observed is written first, again and again, which may take long.
            () = self.commits.fails(shard) => return Err(failing()),
        };
        if all.len() < n_wanted {
            return Err(stopping());
        }
        Ok(all)
    }
}

fn readable(key: &MessageId, loaded: Loaded) -> Result<Stored, UnreadableWatch> {
    let record = loaded.map_err(|_| UnreadableWatch);
    let known = record.and_then(|record| {
        let Some(record) = record else {
            return Ok(None);
        };
        let watch = Watch::decode(&record).map_err(|_| UnreadableWatch)?;
        Ok(Some((record, watch)))
    });
    if known.is_err() {
        tracing::warn!(message.id = %key, "the record of a watch cannot be read by this version");
    }
    known
}

fn failing() -> StoreError {
    let what = "an earlier step on this shard has failed, and is repeated".to_owned();
    StoreError::Unavailable(what)
}

fn stopping() -> StoreError {
    StoreError::Unavailable("smswatch is stopping".to_owned())
}
