//! What a failed attempt means: for its sink, and for the delivery.

use std::time::Duration;

use smswatch_model::Timestamp;

use super::breaker::Report;
use crate::pace;
use crate::shared::SinkUnit;
use crate::sink::{DeliveryError, Retry};
use crate::store::ClaimedDelivery;

/// The shortest wait of a delivery whose receiver asked for one.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);

/// When all processes surely know that a sink is held.
const HOLD_IS_KNOWN: Duration = Duration::from_secs(5);

/// What a failure says about the sink; nothing when only this delivery was refused, unless it was to
/// find out about the sink.
pub(super) fn said(error: &DeliveryError, is_probe: bool) -> Option<Report> {
    let reason = error.detail();
    match error.retry() {
        Retry::Never if error.is_gone() => Some(Report::Gone { reason }),
        Retry::Never => is_probe.then_some(Report::Refused),
        Retry::Later => Some(Report::Failed { reason }),
        Retry::After(delay) => Some(Report::Busy { reason, delay }),
    }
}

/// How long to wait before the next attempt; none when the delivery is given up.
pub(super) fn next_attempt(
    unit: &SinkUnit,
    delivery: &ClaimedDelivery,
    error: &DeliveryError,
    is_probe: bool,
    now: Timestamp,
) -> Option<Duration> {
    let settings = &unit.settings;
    let made = delivery.attempts_made;
    let planned = pace::retry_delay(&settings.retry.schedule, made, fastrand::f64());
    let delay = match error.retry() {
        // Probing a receiver that is gone must not use up what waits for it.
        Retry::Never if is_probe && error.is_gone() => settings.breaker.probe,
        Retry::Never => return None,
        // While the breaker is open it decides when, and whoever probes needs something to send.
        Retry::Later if is_probe => planned.min(settings.breaker.probe),
        Retry::Later => planned,
        // The whole sink is held for as long as was asked; somebody may end that earlier.
        Retry::After(asked) => asked.clamp(SHORTEST_HOLD, planned.max(HOLD_IS_KNOWN)),
    };
    let parked = unit.breaker.parked_within(delivery.queued_at, now);
    let end = delivery.queued_at + settings.retry.give_up_after + parked;
    // Time for which the sink is parked does not count, that which is to come included.
    let is_parked = is_probe || matches!(error.retry(), Retry::After(_));
    let next = if is_parked { now } else { now + delay };
    (next <= end).then_some(delay)
}
