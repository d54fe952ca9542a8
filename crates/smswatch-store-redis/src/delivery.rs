//! Deliveries as the scripts answer them.

use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::store::{Attempt, DeliveryState, StoreError, StoredDelivery};

use crate::error::strange;

/// How many values a script answers for one delivery.
pub(crate) const WIDTH: usize = 11;

/// Reads the deliveries of a page; one in a state, or with a name, that this version does not know is none.
///
/// # Errors
///
/// A row holds something that no version can have written.
pub(crate) fn read_known(rows: &[Vec<u8>]) -> Result<Vec<StoredDelivery>, StoreError> {
    let rows = rows.chunks_exact(WIDTH);
    let known = rows.filter(|row| {
        let state = text(&row[3]).ok().and_then(DeliveryState::from_word);
        state.is_some() && delivery_id(&row[0]).is_ok()
    });
    known.map(read).collect()
}

/// Reads one delivery: id, sink, rule, state, message ids, created, due, attempts made, attempts, body
/// and queued.
pub(crate) fn read(row: &[Vec<u8>]) -> Result<StoredDelivery, StoreError> {
    let [
        id,
        sink,
        rule,
        state,
        ids,
        created,
        due,
        made,
        attempts,
        body,
        queued,
    ] = row
    else {
        return Err(strange("a delivery"));
    };
    let state = DeliveryState::from_word(text(state)?).ok_or_else(|| strange("a state"))?;
    let ids = text(ids)?.lines().map(MessageId::new);
    Ok(StoredDelivery {
        id: delivery_id(id)?,
        sink: text(sink)?.to_owned(),
        rule: text(rule)?.to_owned(),
        state,
        message_ids: ids.filter_map(|id| id.ok()).collect(),
        created_at: instant(created)?,
        queued_at: instant(queued)?,
        next_attempt_at: if due.is_empty() {
            None
        } else {
            // Due at once has a place a moment before: those queued in one millisecond keep their order.
            Some(instant(due)?.max(instant(queued)?))
        },
        attempts_made: text(made)?.parse().map_err(|_| strange("a count"))?,
        attempts: read_attempts(attempts),
        body: body.clone(),
    })
}

/// The attempts that this version can read.
fn read_attempts(lines: &[u8]) -> Vec<Attempt> {
    let lines = lines.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

pub(crate) fn delivery_id(id: &[u8]) -> Result<DeliveryId, StoreError> {
    DeliveryId::new(text(id)?).map_err(|_| strange("a delivery's id"))
}

pub(crate) fn text(bytes: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|_| strange("a text"))
}

/// Milliseconds, with a fraction where they are the score of a claim.
pub(crate) fn instant(bytes: &[u8]) -> Result<Timestamp, StoreError> {
    let whole = text(bytes)?.split('.').next().unwrap_or_default();
    whole
        .parse()
        .map(Timestamp::from_millis)
        .map_err(|_| strange("an instant"))
}
