//! Adds, shows and removes watches for whoever asks.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{self, StreamExt as _};
use smswatch_model::{
    MessageFacts, MessageId, Outcome, Part, PhoneNumber, Tags, Timestamp, mask_numbers,
};

use super::Service;
use super::error::ServiceError;
use crate::record::{Record, WatchState};
use crate::store::{
    CommitItem, CommitOutcome, CommitStep, MAX_STEP_BYTES, Page, PageRequest, Shard,
    UnreadableRecord, WatchPriority, split,
};
use crate::watch::lifecycle::Lifecycle;
use crate::watch::{Spelling, Trouble, Watch};

/// How often a step is tried when others keep changing the same watches.
const MOST_TRIES: u32 = 50;

/// In how many shards a registration is under way at once: what is in flight takes memory.
const SHARDS_AT_ONCE: usize = 2;

/// How many tags a watch may have.
pub const MAX_TAGS: usize = 50;

/// How many bytes the names and values of a watch's tags may have together: every event of the message
/// carries them.
pub const MAX_TAG_BYTES: usize = 16 * 1024;

/// A message that somebody wants watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWatch {
    /// The message.
    pub message_id: MessageId,
    /// The labels to put on its watch.
    pub tags: Tags,
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registered {
    /// How many messages are watched that were not before, or no longer: those that were given up
    /// included.
    pub accepted: u64,
    /// How many were watched already, and have gained the tags.
    pub already_watched: u64,
    /// The messages for which nothing was done: they have watches that this version cannot read, which
    /// are left to the version that wrote them.
    pub unreadable: Vec<MessageId>,
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
    /// When its message is polled next; none when it is not.
    pub next_poll_at: Option<Timestamp>,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Why the latest polls brought nothing; `None` if they did.
    pub trouble: Option<Trouble>,
}

impl WatchView {
    /// Shows the watch that the store knows under `key`.
    fn new(key: &MessageId, watch: Watch) -> Self {
        let is_looked_at = watch.state == WatchState::Watching
            || (watch.state == WatchState::Final && !watch.is_confirmed);
        Self {
            message_id: watch.spelling.spell(key),
            state: watch.state,
            outcome: watch.snapshot.outcome(),
            tags: watch.tags,
            parts: watch.snapshot.parts,
            next_poll_at: is_looked_at.then_some(watch.due),
            registered_at: watch.registered_at,
            trouble: watch.trouble,
        }
    }
}

impl Service {
    /// Watches messages; all of them are stored when this returns.
    ///
    /// # Errors
    ///
    /// The store did not take all of them, or one would have more than [`MAX_TAGS`] tags or more than
    /// [`MAX_TAG_BYTES`] of them. Others may be watched nevertheless; asking again does no harm.
    pub async fn register(&self, watches: Vec<NewWatch>) -> Result<Registered, ServiceError> {
        let mut by_shard: HashMap<Shard, BTreeMap<MessageId, Tags>> = HashMap::new();
        for NewWatch { message_id, tags } in watches {
            let masked = self.context.privacy.tags(&tags, &MessageFacts::default());
            let tags = masked.unwrap_or(tags);
            let wanted = by_shard
                .entry(self.context.shard_of(&message_id))
                .or_default();
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
            total.unreadable.extend(registered.unreadable);
        }
        Ok(total)
    }

    async fn register_in(
        &self,
        shard: Shard,
        wanted: BTreeMap<MessageId, Tags>,
    ) -> Result<Registered, ServiceError> {
        let ids: Vec<_> = wanted.keys().map(MessageId::to_lowercase).collect();
        let loaded = self
            .context
            .call("load", self.context.store.load(shard, &ids))
            .await?;
        let mut registered = Registered::default();
        let mut known: Vec<(MessageId, Option<Record>)> = Vec::with_capacity(ids.len());
        for (message_id, loaded) in ids.into_iter().zip(loaded) {
            match loaded {
                Ok(record) => known.push((message_id, record)),
                Err(UnreadableRecord) => registered.unreadable.push(message_id),
            }
        }
        for _ in 0..MOST_TRIES {
            let now = self.context.clock.now();
            let mut items = Vec::new();
            let mut is_new = Vec::new();
            for (message_id, record) in known {
                let Ok(watch) = readable(&message_id, record.as_ref()) else {
                    registered.unreadable.push(message_id);
                    continue;
                };
                let (spelled, tags) = wanted
                    .get_key_value(&message_id)
                    .expect("ids are equal whatever their case");
                let becomes = with_tags(watch, spelled, tags, now);
                match becomes.map_err(|many| many.of(spelled))? {
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
            let outcomes = self.write(shard, &items).await?;
            known = Vec::new();
            for ((item, is_new), outcome) in items.into_iter().zip(is_new).zip(outcomes) {
                match outcome {
                    CommitOutcome::Done if is_new => registered.accepted += 1,
                    CommitOutcome::Done => registered.already_watched += 1,
                    CommitOutcome::Conflict(current) => known.push((item.message_id, current)),
                    CommitOutcome::Unreadable => registered.unreadable.push(item.message_id),
                }
            }
        }
        Err(ServiceError::Busy)
    }

    /// Removes a watch and its snapshot; answers whether there was one.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn remove(&self, message_id: &MessageId) -> Result<bool, ServiceError> {
        let (key, mut record) = self.load_one(message_id).await?;
        let shard = self.context.shard_of_key(&key);
        for _ in 0..MOST_TRIES {
            let watch = readable(&key, record.as_ref())?;
            let Some(watch) = watch.filter(|watch| watch.state != WatchState::Removed) else {
                return Ok(false);
            };
            let removed =
                Lifecycle::of(&self.context).remove(&key, &watch, self.context.clock.now());
            let item = item(key.clone(), record, Some(&removed));
            match self.write(shard, &[item]).await?.pop() {
                Some(CommitOutcome::Done) | None => return Ok(true),
                Some(CommitOutcome::Conflict(current)) => record = current,
                Some(CommitOutcome::Unreadable) => return Err(unreadable(message_id)),
            }
        }
        Err(ServiceError::Busy)
    }

    /// Shows one watch.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn watch(&self, message_id: &MessageId) -> Result<Option<WatchView>, ServiceError> {
        let (key, record) = self.load_one(message_id).await?;
        let watch = readable(&key, record.as_ref())?;
        let watch = watch.filter(|watch| watch.state != WatchState::Removed);
        Ok(watch.map(|watch| WatchView::new(&key, watch)))
    }

    /// How whoever registered a message spelled its id; as it is given here if it is not watched.
    pub(super) async fn spelled(&self, message_id: &MessageId) -> Result<MessageId, ServiceError> {
        let watch = self.watch(message_id).await?;
        Ok(watch.map_or_else(|| message_id.clone(), |watch| watch.message_id))
    }

    pub(super) async fn watches_page(
        &self,
        page: &PageRequest,
    ) -> Result<Page<WatchView>, ServiceError> {
        let page = self
            .context
            .call("watches", self.context.store.watches(page))
            .await?;
        let items = page.items.into_iter().filter_map(|(message_id, record)| {
            // One that a later version wrote is shown by that version.
            let watch = Watch::decode(&record).ok()?;
            Some(WatchView::new(&message_id, watch))
        });
        Ok(Page {
            items: items.collect(),
            next: page.next,
        })
    }

    /// A watch's record, and the id under which the store knows it: in lower case, or as it was
    /// registered with a version that did not compare ids without case.
    async fn load_one(
        &self,
        message_id: &MessageId,
    ) -> Result<(MessageId, Option<Record>), ServiceError> {
        let key = message_id.to_lowercase();
        let record = self.load_key(&key).await?;
        if record.is_some() || key.as_str() == message_id.as_str() {
            return Ok((key, record));
        }
        let earlier = self.load_key(message_id).await?;
        Ok(match earlier {
            Some(_) => (message_id.clone(), earlier),
            None => (key, None),
        })
    }

    /// The id under which the store knows a message, its events and its deliveries.
    pub(super) async fn stored_key(
        &self,
        message_id: &MessageId,
    ) -> Result<MessageId, ServiceError> {
        let key = message_id.to_lowercase();
        if key.as_str() == message_id.as_str() {
            return Ok(key);
        }
        Ok(self.load_one(message_id).await?.0)
    }

    async fn load_key(&self, key: &MessageId) -> Result<Option<Record>, ServiceError> {
        let load = self
            .context
            .store
            .load(self.context.shard_of_key(key), std::slice::from_ref(key));
        let loaded = self.context.call("load", load).await?.pop();
        loaded.unwrap_or(Ok(None)).map_err(|_| unreadable(key))
    }

    /// Writes items, in steps that are not too large; returns what became of each.
    async fn write(
        &self,
        shard: Shard,
        items: &[CommitItem],
    ) -> Result<Vec<CommitOutcome>, ServiceError> {
        let mut outcomes = Vec::with_capacity(items.len());
        for items in split(items.iter().cloned(), CommitItem::bytes, MAX_STEP_BYTES) {
            let step = CommitStep {
                items,
                finished: Vec::new(),
            };
            let committed = self
                .context
                .call("commit", self.context.store.commit(shard, &step))
                .await?;
            for (item, outcome) in step.items.iter().zip(&committed.outcomes) {
                if let (CommitOutcome::Done, Some(record)) = (outcome, &item.record) {
                    self.hint(shard, item.priority, record.due());
                }
            }
            outcomes.extend(committed.outcomes);
        }
        Ok(outcomes)
    }

    /// Has a watch polled when it is due. Who was asked for a poll once leaves it to nobody else.
    fn hint(&self, shard: Shard, priority: WatchPriority, due: Timestamp) {
        let (polls, queue) = (self.polls.due(priority), usize::from(shard.0));
        if due <= self.context.clock.now() {
            polls.hint_now(queue);
        } else {
            polls.hint(queue, due);
        }
    }
}

enum Wanted {
    AsItIs,
    New(Watch),
    Changed(Watch),
}

/// What a wanted message's watch becomes. One that was removed begins anew, and so does one that was
/// given up; what is known of its message then stays known.
fn with_tags(
    watch: Option<Watch>,
    spelled: &MessageId,
    tags: &Tags,
    now: Timestamp,
) -> Result<Wanted, TooManyTags> {
    let Some(mut watch) = watch.filter(|watch| watch.state != WatchState::Removed) else {
        check_tags(tags)?;
        let spelling = Spelling::of(spelled);
        return Ok(Wanted::New(Watch {
            spelling,
            ..Watch::new(now, tags.clone())
        }));
    };
    let has = |(name, value): (&String, &String)| {
        let known = watch.tags.get(name);
        known.is_some_and(|known| known == value || is_masked(known, value))
    };
    let has_all = tags.iter().all(has);
    if !has_all {
        watch.tags.extend(tags.clone());
        check_tags(&watch.tags)?;
    }
    Ok(match watch.state {
        WatchState::NotFound | WatchState::GaveUp => Wanted::New(watch.begun_anew(now)),
        _ if has_all => Wanted::AsItIs,
        _ => Wanted::Changed(watch),
    })
}

/// What a watch's tags would come to, which is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TooManyTags {
    count: usize,
    bytes: usize,
}

impl TooManyTags {
    fn of(self, message_id: &MessageId) -> ServiceError {
        ServiceError::TooManyTags {
            message_id: message_id.clone(),
            count: self.count,
            bytes: self.bytes,
        }
    }
}

fn check_tags(tags: &Tags) -> Result<(), TooManyTags> {
    let count = tags.len();
    let bytes = tags
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if count > MAX_TAGS || bytes > MAX_TAG_BYTES {
        Err(TooManyTags { count, bytes })
    } else {
        Ok(())
    }
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
        priority: watch.map_or(WatchPriority::Rest, Lifecycle::priority),
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
        .map_err(|_| unreadable(message_id))
}

fn unreadable(message_id: &MessageId) -> ServiceError {
    tracing::warn!(message.id = %message_id, "the record of a watch cannot be read by this version");
    ServiceError::Unreadable
}
