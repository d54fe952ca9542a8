//! Adds, shows and removes watches for whoever asks.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{self, StreamExt as _};
use smswatch_model::{
    MessageFacts, MessageId, Outcome, Part, PhoneNumber, Tags, Timestamp, mask_numbers,
};

use super::error::ServiceError;
use crate::record::{Record, WatchState};
use crate::shared::Shared;
use crate::store::{CommitItem, CommitOutcome, CommitStep, Lane, Page, PageRequest, Shard};
use crate::watch::Watch;
use crate::watch::lifecycle::Lifecycle;

/// How often a step is tried when others keep changing the same watches.
const MOST_TRIES: u32 = 50;

/// In how many shards a registration is under way at once: what is in flight takes memory.
const SHARDS_AT_ONCE: usize = 2;

/// A message that somebody wants watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWatch {
    /// The message.
    pub message_id: MessageId,
    /// The labels to put on its watch.
    pub tags: Tags,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registered {
    /// How many messages are watched that were not before.
    pub accepted: u64,
    /// How many were watched already, and have gained the tags.
    pub already_watched: u64,
}

/// A watch as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchView {
    /// The message.
    pub message_id: MessageId,
    /// What state the watch is in.
    pub state: WatchState,
    /// How the message did.
    pub outcome: Outcome,
    /// The watch's labels.
    pub tags: Tags,
    /// What is known of the parts.
    pub parts: Vec<Part>,
    /// When its message is looked at next; none when it is not.
    pub next_poll_at: Option<Timestamp>,
    /// When it was registered.
    pub registered_at: Timestamp,
}

impl WatchView {
    fn new(message_id: MessageId, watch: Watch) -> Self {
        let is_looked_at = watch.state == WatchState::Watching
            || (watch.state == WatchState::Final && !watch.is_confirmed);
        Self {
            message_id,
            state: watch.state,
            outcome: watch.snapshot.outcome(),
            tags: watch.tags,
            parts: watch.snapshot.parts,
            next_poll_at: is_looked_at.then_some(watch.due),
            registered_at: watch.registered_at,
        }
    }
}

impl Shared {
    pub(crate) async fn register(
        &self,
        watches: Vec<NewWatch>,
    ) -> Result<Registered, ServiceError> {
        let mut by_shard: HashMap<Shard, BTreeMap<MessageId, Tags>> = HashMap::new();
        for NewWatch { message_id, tags } in watches {
            let masked = self.privacy.tags(&tags, &MessageFacts::default());
            let tags = masked.unwrap_or(tags);
            let wanted = by_shard.entry(self.shard_of(&message_id)).or_default();
            wanted.entry(message_id).or_default().extend(tags);
        }
        let registrations = by_shard
            .into_iter()
            .map(|(shard, wanted)| self.register_in(shard, wanted));
        let mut total = Registered::default();
        let mut registrations = stream::iter(registrations).buffer_unordered(SHARDS_AT_ONCE);
        while let Some(registered) = registrations.next().await {
            let registered = registered?;
            total.accepted += registered.accepted;
            total.already_watched += registered.already_watched;
        }
        Ok(total)
    }

    async fn register_in(
        &self,
        shard: Shard,
        wanted: BTreeMap<MessageId, Tags>,
    ) -> Result<Registered, ServiceError> {
        let ids: Vec<_> = wanted.keys().cloned().collect();
        let loaded = self.call("load", self.store.load(shard, &ids)).await?;
        let mut known: Vec<(MessageId, Option<Record>)> = ids.into_iter().zip(loaded).collect();
        let mut registered = Registered::default();
        for _ in 0..MOST_TRIES {
            let now = self.clock.now();
            let mut items = Vec::new();
            let mut is_new = Vec::new();
            for (message_id, record) in known {
                let watch = readable(&message_id, record.as_ref())?;
                match with_tags(watch, &wanted[&message_id], now) {
                    Wanted::AsItIs => registered.already_watched += 1,
                    Wanted::New(watch) => {
                        items.push(item(message_id, record, Some(&watch)));
                        is_new.push(true);
                    }
                    Wanted::Changed(watch) => {
                        items.push(item(message_id, record, Some(&watch)));
                        is_new.push(false);
                    }
                }
            }
            if items.is_empty() {
                return Ok(registered);
            }
            let conflicts = self.write(shard, &items).await?;
            known = Vec::new();
            for ((item, is_new), conflict) in items.into_iter().zip(is_new).zip(conflicts) {
                match conflict {
                    None if is_new => registered.accepted += 1,
                    None => registered.already_watched += 1,
                    Some(current) => known.push((item.message_id, current)),
                }
            }
        }
        Err(ServiceError::Busy)
    }

    /// Removes a watch and its snapshot; answers whether there was one.
    pub(crate) async fn remove(&self, message_id: &MessageId) -> Result<bool, ServiceError> {
        let shard = self.shard_of(message_id);
        let mut record = self.load_one(message_id).await?;
        for _ in 0..MOST_TRIES {
            let watch = readable(message_id, record.as_ref())?;
            let Some(watch) = watch.filter(|watch| watch.state != WatchState::Removed) else {
                return Ok(false);
            };
            let removed = self
                .lifecycle()
                .remove(message_id, &watch, self.clock.now());
            let item = item(message_id.clone(), record, Some(&removed));
            match self.write(shard, &[item]).await?.pop().flatten() {
                None => return Ok(true),
                Some(current) => record = current,
            }
        }
        Err(ServiceError::Busy)
    }

    pub(crate) async fn watch(
        &self,
        message_id: &MessageId,
    ) -> Result<Option<WatchView>, ServiceError> {
        let record = self.load_one(message_id).await?;
        let watch = readable(message_id, record.as_ref())?;
        let watch = watch.filter(|watch| watch.state != WatchState::Removed);
        Ok(watch.map(|watch| WatchView::new(message_id.clone(), watch)))
    }

    pub(crate) async fn watches(
        &self,
        page: &PageRequest,
    ) -> Result<Page<WatchView>, ServiceError> {
        let page = self.call("watches", self.store.watches(page)).await?;
        let items = page
            .items
            .into_iter()
            .map(|(message_id, record)| {
                let watch = Watch::decode(&record).map_err(|_| damaged(&message_id))?;
                Ok(WatchView::new(message_id, watch))
            })
            .collect::<Result<_, ServiceError>>()?;
        Ok(Page {
            items,
            next: page.next,
        })
    }

    async fn load_one(&self, message_id: &MessageId) -> Result<Option<Record>, ServiceError> {
        let ids = [message_id.clone()];
        let shard = self.shard_of(message_id);
        Ok(self
            .call("load", self.store.load(shard, &ids))
            .await?
            .pop()
            .flatten())
    }

    /// Writes items; answers for each none, or the record that stood in its way.
    async fn write(
        &self,
        shard: Shard,
        items: &[CommitItem],
    ) -> Result<Vec<Option<Option<Record>>>, ServiceError> {
        let step = CommitStep {
            items: items.to_vec(),
            finished: Vec::new(),
        };
        let committed = self.call("commit", self.store.commit(shard, &step)).await?;
        let outcomes: Vec<_> = items
            .iter()
            .zip(committed.outcomes)
            .map(|(item, outcome)| match outcome {
                CommitOutcome::Done => {
                    if let Some(record) = &item.record {
                        let (looks, queue) = (self.looks(item.lane), usize::from(shard.0));
                        // Who was asked for a look at once leaves it to nobody else.
                        if record.due() <= self.clock.now() {
                            looks.hint_now(queue);
                        } else {
                            looks.hint(queue, record.due());
                        }
                    }
                    Ok(None)
                }
                CommitOutcome::Conflict(current) => Ok(Some(current)),
                CommitOutcome::Unreadable => Err(damaged(&item.message_id)),
            })
            .collect();
        outcomes.into_iter().collect()
    }
}

enum Wanted {
    AsItIs,
    New(Watch),
    Changed(Watch),
}

/// What a wanted message's watch becomes: one that was removed begins anew.
fn with_tags(watch: Option<Watch>, tags: &Tags, now: Timestamp) -> Wanted {
    let Some(mut watch) = watch.filter(|watch| watch.state != WatchState::Removed) else {
        return Wanted::New(Watch::new(now, tags.clone()));
    };
    let has = |(name, value): (&String, &String)| {
        let known = watch.tags.get(name);
        known.is_some_and(|known| known == value || is_masked(known, value))
    };
    if tags.iter().all(has) {
        return Wanted::AsItIs;
    }
    watch.tags.extend(tags.clone());
    Wanted::Changed(watch)
}

/// Whether `known` is the number `value` as an observation has masked it: it must not be stored again.
fn is_masked(known: &str, value: &str) -> bool {
    PhoneNumber::looks_like_one(value)
        && mask_numbers(value, [&PhoneNumber::new(value)]).is_some_and(|masked| masked == known)
}

fn item(message_id: MessageId, expected: Option<Record>, watch: Option<&Watch>) -> CommitItem {
    CommitItem {
        message_id,
        expected,
        record: watch.map(Watch::encode),
        lane: watch.map_or(Lane::Old, Lifecycle::lane),
        entry: None,
    }
}

fn readable(
    message_id: &MessageId,
    record: Option<&Record>,
) -> Result<Option<Watch>, ServiceError> {
    record
        .map(Watch::decode)
        .transpose()
        .map_err(|_| damaged(message_id))
}

fn damaged(message_id: &MessageId) -> ServiceError {
    tracing::error!(message.id = %message_id, "the record of a watch is damaged");
    ServiceError::Damaged
}
