//! Who was told of what, read from the store: so it is known, and not guessed, whether an event that
//! only adds a detail is news.

use std::collections::{BTreeSet, HashSet};

use futures::future::try_join_all;
use smswatch_model::{DeliveryId, Event, EventId, MessageId, destination};

use crate::codec;
use crate::context::Context;
use crate::marks::{Grouped, Marks};
use crate::rules::Told;
use crate::store::{DeliveryFilter, DeliveryState, Page, PageRequest, StoreError, StoredDelivery};

/// How many deliveries are read at once, those of all messages together.
const PAGE: usize = 500;

/// The messages of which it must be known what was told before.
pub(crate) fn asked_of<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeSet<MessageId> {
    let refined = events.filter(|event| event.refined);
    refined
        .filter_map(|event| event.message.message_id.clone())
        .collect()
}

/// What was told of these messages, which all lie in one shard: by their deliveries, and by those of groups, of
/// which their marks tell. What still waits in a group is not told. Also returns of which events groups told nobody, with
/// the deliveries that were to do it.
///
/// # Errors
///
/// The store is not there.
pub(crate) async fn of(
    context: &Context,
    messages: BTreeSet<MessageId>,
    marks: &Marks,
) -> Result<(Told, Vec<(DeliveryId, EventId)>), StoreError> {
    if messages.is_empty() {
        return Ok((Told::default(), Vec::new()));
    }
    let grouped = messages.iter().filter_map(|message| marks.of(message));
    let grouped: Vec<Grouped> = grouped.flat_map(|mark| mark.grouped.clone()).collect();
    let page = |filter, request| async move {
        let page = context.store.deliveries(&filter, &request);
        context.call("deliveries", page).await
    };
    let Read { mut told, untold } = read(page, messages).await?;
    let mut lost = Vec::new();
    let asked = grouped.iter().map(|grouped| is_told(context, grouped));
    for (grouped, is_told) in grouped.iter().zip(try_join_all(asked).await?) {
        let Some(is_told) = is_told else { continue };
        let Grouped {
            rule, destination, ..
        } = grouped;
        for event in &grouped.events {
            let place = (rule.clone(), destination.clone(), event.clone());
            if is_told && !untold.contains(&place) {
                told.add_to(rule, destination, event);
            } else {
                lost.push((grouped.delivery.clone(), event.clone()));
            }
        }
    }
    Ok((told, lost))
}

/// Whether a group told what it no longer holds, or is going to; `None` if it still holds it.
async fn is_told(context: &Context, grouped: &Grouped) -> Result<Option<bool>, StoreError> {
    let find = context.store.delivery(&grouped.delivery);
    let found = context.call("delivery", find).await?;
    Ok(found.map(|delivery| reaches_somebody(&delivery)))
}

/// Whether a delivery told something, or is going to. What was held back or given up reached no one.
fn reaches_somebody(delivery: &StoredDelivery) -> bool {
    !matches!(
        delivery.state,
        DeliveryState::Suppressed | DeliveryState::Dead
    )
}

/// What deliveries tell.
#[derive(Default)]
struct Read {
    told: Told,
    /// By rule and destination, the events of those that reached no one.
    untold: HashSet<(String, String, EventId)>,
}

/// Reads page by page what the deliveries of these messages told.
async fn read<F>(
    page: impl Fn(DeliveryFilter, PageRequest) -> F,
    messages: BTreeSet<MessageId>,
) -> Result<Read, StoreError>
where
    F: Future<Output = Result<Page<StoredDelivery>, StoreError>>,
{
    let filter = DeliveryFilter {
        message_ids: messages.into_iter().collect(),
        ..DeliveryFilter::default()
    };
    let mut all = Read::default();
    let mut request = PageRequest {
        cursor: None,
        limit: PAGE,
    };
    loop {
        let page = page(filter.clone(), request.clone()).await?;
        page.items.iter().for_each(|delivery| all.add(delivery));
        request.cursor = page.next;
        if request.cursor.is_none() {
            return Ok(all);
        }
    }
}

impl Read {
    /// Adds what a delivery told, is going to tell, or told nobody.
    fn add(&mut self, delivery: &StoredDelivery) {
        // One that cannot be read is counted where it is attempted; who was told by it may be told again.
        let Ok(notification) = codec::decode_notification(&delivery.body) else {
            return;
        };
        let (rule, sink, overrides) = (&delivery.rule, &delivery.sink, &notification.overrides);
        for event in &notification.events {
            if reaches_somebody(delivery) {
                self.told.add(rule, sink, overrides, &event.event_id);
            } else {
                let destination = destination(sink, overrides);
                let event = event.event_id.clone();
                self.untold.insert((rule.clone(), destination, event));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use smswatch_model::{Overrides, Severity, Timestamp};

    use super::*;
    use crate::event::test_event;
    use crate::notification;
    use crate::rules::RuleMatch;

    fn to_channel(channel: &str) -> Overrides {
        Overrides::from_iter([("channel".to_owned(), channel.into())])
    }

    /// A delivery of `event` by the rule `undelivered` to a channel of the sink `slack`.
    fn stored(event: &Event, channel: &str, state: DeliveryState) -> StoredDelivery {
        let now = Timestamp::from_seconds(1_777_636_800);
        let rule_match = RuleMatch {
            rule: "undelivered".to_owned(),
            sink: "slack".to_owned(),
            overrides: to_channel(channel),
            severity: Severity::Critical,
            group: BTreeMap::new(),
            gathering: None,
            is_once: false,
            events: vec![0],
        };
        let made = notification::of_match(&rule_match, std::slice::from_ref(event), now);
        let new = notification::delivery("slack", &made);
        StoredDelivery {
            id: new.id,
            sink: new.sink,
            rule: new.rule,
            state,
            message_ids: new.message_ids,
            created_at: now,
            queued_at: now,
            next_attempt_at: None,
            attempts_made: 0,
            attempts: Vec::new(),
            body: new.body,
        }
    }

    #[test]
    fn what_was_held_back_or_given_up_told_nobody() {
        let event = test_event("routee", "slack", Timestamp::from_seconds(0), 1);
        for state in DeliveryState::ALL {
            let mut read = Read::default();
            read.add(&stored(&event, "#a", state));
            let told = &read.told;
            let is_told = |rule: &str, channel: &str| {
                told.contains(rule, "slack", &to_channel(channel), &event.event_id)
            };
            let counts = matches!(state, DeliveryState::Pending | DeliveryState::Delivered);
            assert_eq!(is_told("undelivered", "#a"), counts, "{state:?}");
            assert!(
                !is_told("undelivered", "#b"),
                "another channel was not told"
            );
            assert!(!is_told("another", "#a"), "another rule did not tell it");
        }
    }

    #[tokio::test]
    async fn however_many_messages_there_are_the_store_is_asked_once_for_each_page() {
        let event = test_event("routee", "slack", Timestamp::from_seconds(0), 1);
        for (n_messages, n_deliveries) in [(1, 0), (300, 0), (300, PAGE), (300, 3 * PAGE)] {
            let messages = (0..n_messages).map(|n| MessageId::new(format!("m{n}")));
            let messages: BTreeSet<_> = messages.map(|id| id.expect("an id")).collect();
            let n_calls = Cell::new(0);
            let page = async |filter: DeliveryFilter, request: PageRequest| {
                assert_eq!(filter.message_ids.len(), n_messages);
                n_calls.set(n_calls.get() + 1);
                let is_last = n_calls.get() * request.limit >= n_deliveries;
                let one = stored(&event, "#a", DeliveryState::Delivered);
                Ok(Page {
                    items: vec![one; request.limit.min(n_deliveries)],
                    next: (!is_last).then(|| n_calls.get().to_string()),
                })
            };
            let told = read(page, messages).await.expect("the store is there");
            let told = told.told;
            let is_told = told.contains("undelivered", "slack", &to_channel("#a"), &event.event_id);
            assert_eq!(is_told, n_deliveries > 0);
            assert_eq!(n_calls.get(), n_deliveries.div_ceil(PAGE).max(1));
        }
    }
}
