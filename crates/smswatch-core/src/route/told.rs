//! Who was told of what, read from the store: so it is known, and not guessed, whether an event that
//! only adds a detail is news to somebody.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use smswatch_model::{Event, MessageId};

use crate::codec;
use crate::context::Context;
use crate::rules::Told;
use crate::store::{DeliveryFilter, DeliveryState, PageRequest, StoreError, StoredDelivery};

/// How many deliveries of a message are read at once.
const PAGE: usize = 200;

/// The messages of which it must be known what was told before.
pub(crate) fn asked_of<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeSet<MessageId> {
    let refined = events.filter(|event| event.refined);
    refined
        .filter_map(|event| event.message.message_id.clone())
        .collect()
}

/// What was told of these messages; `None` if there are none.
///
/// # Errors
///
/// The store is not there.
pub(crate) async fn of(
    context: &Context,
    messages: BTreeSet<MessageId>,
) -> Result<Option<Told>, StoreError> {
    if messages.is_empty() {
        return Ok(None);
    }
    let read = messages.iter().map(|message| of_message(context, message));
    let mut told = Told::default();
    for delivery in try_join_all(read).await?.into_iter().flatten() {
        add(&mut told, &delivery);
    }
    Ok(Some(told))
}

/// All deliveries that tell of a message.
async fn of_message(
    context: &Context,
    message_id: &MessageId,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let filter = DeliveryFilter {
        message_id: Some(message_id.clone()),
        ..DeliveryFilter::default()
    };
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest {
            cursor,
            limit: PAGE,
        };
        let page = context.store.deliveries(&filter, &request);
        let page = context.call("deliveries", page).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Adds what a delivery told, or is going to tell. What was held back told nobody, and what was given
/// up reached nobody.
fn add(told: &mut Told, delivery: &StoredDelivery) {
    if matches!(
        delivery.state,
        DeliveryState::Suppressed | DeliveryState::Dead
    ) {
        return;
    }
    // One that cannot be read is counted where it is attempted; who was told by it may be told again.
    let Ok(notification) = codec::decode_notification(&delivery.body) else {
        return;
    };
    for event in &notification.events {
        let (rule, overrides) = (&delivery.rule, &notification.overrides);
        told.add(rule, &delivery.sink, overrides, &event.event_id);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use smswatch_model::{Overrides, Severity, Timestamp};

    use super::*;
    use crate::announce::test_event;
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
            let mut told = Told::default();
            add(&mut told, &stored(&event, "#a", state));
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

    #[test]
    fn deliveries_to_two_channels_have_ids_of_their_own() {
        let event = test_event("routee", "slack", Timestamp::from_seconds(0), 1);
        let id = |channel| stored(&event, channel, DeliveryState::Pending).id;
        assert_ne!(id("#a"), id("#b"));
    }
}
