//! Tells deliveries.

use smswatch_api::deliveries::{AttemptReply, DeliveryReply};
use smswatch_plugin::codec;
use smswatch_plugin::store::{Attempt, StoredDelivery};

/// Why a delivery is pending that this version cannot read.
const OF_A_LATER_VERSION: &str = "later_version";

/// A delivery with its attempts, and without what it says.
pub(crate) fn delivery(delivery: StoredDelivery) -> DeliveryReply {
    let reason = delivery
        .waits_for_later_version()
        .then(|| OF_A_LATER_VERSION.to_owned())
        .or_else(|| delivery.suppressed_by().map(str::to_owned));
    DeliveryReply {
        instead_of: codec::instead_of(&delivery.body),
        id: delivery.id,
        sink: delivery.sink,
        rule: delivery.rule,
        state: delivery.state.as_str().into(),
        reason,
        message_ids: delivery.message_ids,
        next_attempt_at: delivery.next_attempt_at,
        attempts_made: delivery.attempts_made,
        attempts: delivery.attempts.into_iter().map(attempt).collect(),
        created_at: delivery.created_at,
        queued_at: delivery.queued_at,
    }
}

fn attempt(attempt: Attempt) -> AttemptReply {
    AttemptReply {
        at: attempt.at,
        result: attempt.result,
        detail: attempt.detail,
    }
}
