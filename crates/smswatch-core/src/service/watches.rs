//! Adds, shows and removes watches.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::Service;
use super::error::ServiceError;
use crate::inbox::changes::{Reply, Request};
use crate::inbox::requests::{UnreadableWatch, Wanted};
use crate::record::{Record, WatchState};
use crate::store::{EventFilter, Loaded, Page, PageRequest, Shard, UnreadableRecord};
use crate::watch::{Trouble, Watch};
use futures::stream::{self, StreamExt as _};
use smswatch_model::{Event, EventKind, MessageFacts, MessageId, Outcome, Part, Tags, Timestamp};

/// In how many shards a registration is under way at once: what is in flight takes memory.
const SHARDS_AT_ONCE: usize = 2;

/// A message to be watched.
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
    /// When its message is polled next; `None` when it is not.
    pub next_poll_at: Option<Timestamp>,
    /// When it was registered; `None` if it cannot be read.
    pub registered_at: Option<Timestamp>,
    /// Why the latest polls brought nothing; `None` if they did.
    pub trouble: Option<Trouble>,
    /// Whether this version can read the watch. If it cannot, the rest is what the head of its record and the newest
    /// event of its message tell, and what only the watch knows is missing.
    pub is_readable: bool,
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
            registered_at: Some(watch.registered_at),
            trouble: watch.trouble,
            is_readable: true,
        }
    }

    /// Shows a watch that this version cannot read by what else tells of it.
    fn unreadable(id: &MessageId, record: Option<&Record>, newest: Option<&Event>) -> Self {
        let outcome = newest.and_then(|event| event.message.outcome);
        let outcome = outcome.unwrap_or(Outcome::Pending);
        let told = match newest.map(|event| event.kind) {
            Some(EventKind::GaveUp) => WatchState::GaveUp,
            Some(EventKind::NotFound) => WatchState::NotFound,
            _ if outcome == Outcome::Pending => WatchState::Watching,
            _ => WatchState::Final,
        };
        let message_id = newest.and_then(|event| event.message.message_id.clone());
        Self {
            message_id: message_id.unwrap_or_else(|| id.clone()),
            state: record.map_or(told, Record::state),
            outcome,
            tags: newest.map_or_else(Tags::new, |event| event.message.tags.clone()),
            parts: Vec::new(),
            next_poll_at: None,
            registered_at: None,
            trouble: None,
            is_readable: false,
        }
    }
}

impl Service {
    /// Watches messages; all of them are stored when this returns.
    ///
    /// # Errors
    ///
    /// The store did not take all of them, or one would have more than [`MAX_TAGS`](crate::MAX_TAGS) tags or more than
    /// [`MAX_TAG_BYTES`](crate::MAX_TAG_BYTES) of them. Others may be watched nevertheless; asking again does no harm.
    pub async fn register(&self, watches: Vec<NewWatch>) -> Result<Registered, ServiceError> {
        let mut by_shard: HashMap<Shard, BTreeMap<MessageId, Tags>> = HashMap::new();
        let mut total = Registered::default();
        for NewWatch { message_id, tags } in watches {
            let masked = self.context.privacy.tags(&tags, &MessageFacts::default());
            let tags = masked.unwrap_or(tags);
            let wanted = by_shard
                .entry(self.context.shard_of(&message_id))
                .or_default();
            match wanted.entry(message_id) {
                Entry::Vacant(first) => {
                    first.insert(tags);
                }
                // It stands in this call twice.
                Entry::Occupied(mut known) => {
                    known.get_mut().extend(tags);
                    total.already_watched += 1;
                }
            }
        }
        let registrations = by_shard
            .into_iter()
            .map(|(shard, wanted)| self.register_in(shard, wanted));
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
        let loaded = self.requests.load(shard, &ids).await?;
        let mut registered = Registered::default();
        let mut changes = Vec::with_capacity(ids.len());
        for ((key, stored), (spelled, tags)) in ids.into_iter().zip(loaded).zip(wanted) {
            match stored {
                Ok(stored) => {
                    let request = Request::Register(spelled, tags);
                    changes.push(Wanted::new(key, stored, request));
                }
                Err(UnreadableWatch) => registered.unreadable.push(key),
            }
        }
        let replies = self.requests.submit(shard, changes).await?;
        for reply in replies {
            match reply {
                Reply::New => registered.accepted += 1,
                Reply::Known => registered.already_watched += 1,
                Reply::Unreadable(key) => registered.unreadable.push(key),
                other => return Err(refused(other)),
            }
        }
        Ok(registered)
    }

    /// Removes a watch and its snapshot; returns whether there was one.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn remove(&self, message_id: &MessageId) -> Result<bool, ServiceError> {
        let (key, loaded) = self.load_one(message_id).await?;
        let record = loaded.map_err(|_| unreadable(&key))?;
        let watch = record.as_ref().map(Watch::decode).transpose();
        let watch = watch.map_err(|_| unreadable(&key))?;
        let shard = self.context.shard_of_key(&key);
        let request = Request::Remove;
        let change = Wanted {
            key,
            record,
            watch,
            request,
        };
        match self.requests.submit(shard, vec![change]).await?.pop() {
            Some(Reply::Removed) => Ok(true),
            Some(Reply::NotWatched) | None => Ok(false),
            Some(other) => Err(refused(other)),
        }
    }

    /// Shows one watch. One that this version cannot read is shown by what else tells of its message.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn watch(&self, message_id: &MessageId) -> Result<Option<WatchView>, ServiceError> {
        let (key, loaded) = self.load_one(message_id).await?;
        let record = match loaded {
            Ok(Some(record)) if record.state() == WatchState::Removed => return Ok(None),
            Ok(None) => return Ok(None),
            Ok(Some(record)) => Some(record),
            Err(UnreadableRecord) => None,
        };
        if let Some(Ok(watch)) = record.as_ref().map(Watch::decode) {
            return Ok(Some(WatchView::new(&key, watch)));
        }
        let _logged = unreadable(&key);
        let newest = self.newest_event(&key).await?;
        Ok(Some(WatchView::unreadable(
            message_id,
            record.as_ref(),
            newest.as_ref(),
        )))
    }

    /// The newest event of the message that the store knows under `key`.
    async fn newest_event(&self, key: &MessageId) -> Result<Option<Event>, ServiceError> {
        let filter = EventFilter {
            message_id: Some(key.clone()),
            kind: None,
        };
        let page = PageRequest {
            cursor: None,
            limit: 1,
        };
        Ok(self.events_page(&filter, &page).await?.items.pop())
    }

    /// A message's id as it was registered; as it is given here if it is not watched.
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
        let items = page.items.into_iter().map(|(message_id, record)| {
            match Watch::decode(&record) {
                Ok(watch) => WatchView::new(&message_id, watch),
                // Nothing but its head is told: an event for each would be a call of the store for each.
                Err(_) => WatchView::unreadable(&message_id, Some(&record), None),
            }
        });
        Ok(Page {
            items: items.collect(),
            next: page.next,
        })
    }

    /// A watch's record, and the id under which the store knows it: in lower case, or as it was
    /// registered with a version that did not compare ids without case.
    async fn load_one(&self, message_id: &MessageId) -> Result<(MessageId, Loaded), ServiceError> {
        let key = message_id.to_lowercase();
        let loaded = self.load_key(&key).await?;
        if loaded != Ok(None) || key.as_str() == message_id.as_str() {
            return Ok((key, loaded));
        }
        let earlier = self.load_key(message_id).await?;
        Ok(match earlier {
            Ok(None) => (key, Ok(None)),
            earlier => (message_id.clone(), earlier),
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

    async fn load_key(&self, key: &MessageId) -> Result<Loaded, ServiceError> {
        let load = self
            .context
            .store
            .load(self.context.shard_of_key(key), std::slice::from_ref(key));
        let loaded = self.context.call("load", load).await?.pop();
        Ok(loaded.unwrap_or(Ok(None)))
    }
}

/// Why a change was not made.
fn refused(reply: Reply) -> ServiceError {
    match reply {
        Reply::TooManyTags(message_id, many) => ServiceError::TooManyTags {
            message_id,
            count: many.count,
            bytes: many.bytes,
        },
        Reply::Failed(error) => error.into(),
        Reply::New | Reply::Known | Reply::Removed | Reply::NotWatched | Reply::Unreadable(_) => {
            ServiceError::Unreadable
        }
    }
}

fn unreadable(message_id: &MessageId) -> ServiceError {
    tracing::warn!(message.id = %message_id, "the record of a watch cannot be read by this version");
    ServiceError::Unreadable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_event;

    #[test]
    fn a_watch_that_cannot_be_read_is_shown_by_its_head_and_the_newest_event() {
        let id = MessageId::new("asked-for").expect("an id");
        let due = Timestamp::from_seconds(1_777_636_800);
        let head = Record::new(WatchState::GaveUp, due, b"of a later version");
        let mut newest = test_event("routee", "crm", due, 1);
        newest.message.message_id = Some(MessageId::new("Told").expect("an id"));
        newest.message.outcome = Some(Outcome::Failed);
        let shown = |record, newest| {
            let view = WatchView::unreadable(&id, record, newest);
            assert!(!view.is_readable && view.registered_at.is_none());
            (view.message_id.to_string(), view.state, view.outcome)
        };
        let told = |state| ("Told".to_owned(), state, Outcome::Failed);
        assert_eq!(shown(Some(&head), Some(&newest)), told(WatchState::GaveUp));
        assert_eq!(shown(None, Some(&newest)), told(WatchState::Final));
        let not_found = Event {
            kind: EventKind::NotFound,
            ..newest.clone()
        };
        assert_eq!(shown(None, Some(&not_found)), told(WatchState::NotFound));
        assert_eq!(
            shown(None, None),
            (id.to_string(), WatchState::Watching, Outcome::Pending)
        );
    }
}
