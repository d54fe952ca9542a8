//! Who was told of what, read from the store: so it is known, and not guessed, whether an event that
//! only adds a detail is news to somebody.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use smswatch_model::{Event, MessageId};

use crate::codec;
use crate::rules::Told;
use crate::shared::Shared;
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
    shared: &Shared,
    messages: BTreeSet<MessageId>,
) -> Result<Option<Told>, StoreError> {
    if messages.is_empty() {
        return Ok(None);
    }
    let read = messages.iter().map(|message| of_message(shared, message));
    let mut told = Told::default();
    for delivery in try_join_all(read).await?.into_iter().flatten() {
        add(&mut told, &delivery);
    }
    Ok(Some(told))
}

/// All deliveries that tell of a message.
async fn of_message(
    shared: &Shared,
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
        let page = shared.store.deliveries(&filter, &request);
        let page = shared.call("deliveries", page).await?;
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
        let (rule, wishes) = (&delivery.rule, &notification.wishes);
        told.add(rule, &delivery.sink, wishes, &event.event_id);
    }
}
