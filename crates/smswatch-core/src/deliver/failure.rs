//! What a failed attempt means: for its sink, and for the delivery.

use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};

use super::SinkUnit;
use super::breaker::Report;
use super::task::Task;
use crate::backoff;
use crate::sink::{DeliveryError, Retry};

/// The shortest wait of a delivery whose receiver asked for one.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);

/// When all processes surely know that a sink is held.
const HOLD_IS_KNOWN: Duration = Duration::from_secs(5);

/// What a failure says about the sink, or about the destination.
pub(super) fn said(error: &DeliveryError, delivery: &DeliveryId, is_probe: bool) -> Report {
    let reason = error.detail();
    match error.retry() {
        Retry::Gone => Report::Gone { reason },
        Retry::Never => Report::Refused {
            reason,
            delivery: short(delivery),
            is_probe,
        },
        Retry::Later => Report::Failed { reason },
        Retry::After(delay) => Report::Busy { reason, delay },
    }
}

/// A delivery's name, short enough to be kept: FNV-1a.
fn short(id: &DeliveryId) -> u64 {
    let bytes = id.as_str().bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// How long to wait before the next attempt, with so much `jitter`, 0 to 1; `None` when the delivery is given up. What the
/// attempt said is known by then.
pub(super) fn next_attempt(
    unit: &SinkUnit,
    task: &Task,
    error: &DeliveryError,
    now: Timestamp,
    jitter: f64,
) -> Option<Duration> {
    let (breaker, delivery) = (&unit.breaker, &task.delivery);
    let (destination, is_probe) = (task.destination.as_ref(), task.is_probe());
    let is_open = breaker.is_open(destination);
    let settings = &unit.settings;
    let made = delivery.attempts_made;
    let planned = backoff::retry_delay(&settings.retry.schedule, made, jitter);
    let delay = match error.retry() {
        // Neither probing nor what was on its way as the receiver began to refuse everything must use up
        // what waits for it.
        Retry::Never if is_probe || is_open => planned.max(settings.breaker.probe),
        Retry::Gone if is_probe => planned.max(settings.breaker.probe),
        Retry::Never | Retry::Gone => return None,
        // While the breaker is open it decides when, and a probe needs something to send.
        Retry::Later if is_probe => planned.min(settings.breaker.probe),
        Retry::Later => planned,
        // The whole sink is held for as long as its receiver asked, unless an operator resumes it earlier.
        Retry::After(asked) => asked.clamp(SHORTEST_HOLD, planned.max(HOLD_IS_KNOWN)),
    };
    let parked = breaker.parked_within(destination, delivery.queued_at, now);
    let end = delivery.queued_at + settings.retry.give_up_after + parked;
    // Time for which the sink is parked does not count, that which is to come included.
    let is_parked = is_probe || is_open || matches!(error.retry(), Retry::After(_));
    let delay = match destination {
        // The others that wait for it have their turn first.
        Some(destination) if is_open && !matches!(error.retry(), Retry::After(_)) => {
            breaker.postponed_for(destination, now)
        }
        _ => delay,
    };
    let next = if is_parked { now } else { now + delay };
    (next <= end).then_some(delay)
}
