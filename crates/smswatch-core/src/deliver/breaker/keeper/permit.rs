//! Lets as many attempts run at once as a sink's breaker and its slow start allow.

use std::sync::Arc;

use tokio::time::Instant;

use crate::context::Context;
use crate::deliver::HOLD;
use crate::deliver::SinkUnit;

/// The right to make an attempt; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct AttemptPermit {
    unit: Arc<SinkUnit>,
    began: Instant,
}

impl AttemptPermit {
    /// Waits for the right to make an attempt; `None` while the sink is parked, and when none of the
    /// attempts that run has ended by `until`.
    pub(crate) async fn wait_until(
        context: &Context,
        unit: &Arc<SinkUnit>,
        until: Instant,
    ) -> Option<Self> {
        let breaker = &unit.breaker;
        loop {
            let changed = breaker.changed.notified();
            let now = context.clock.now();
            {
                let mut known = breaker.known();
                let slots = known.slots(now);
                if slots == 0 {
                    return None;
                }
                if known.running < slots {
                    known.running += 1;
                    return Some(Self::new(unit));
                }
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                breaker.known().is_quick = false;
                return None;
            }
        }
    }

    /// The right to probe, for who has taken it from all others.
    pub(crate) fn probe(unit: &Arc<SinkUnit>) -> Self {
        unit.breaker.known().running += 1;
        Self::new(unit)
    }

    fn new(unit: &Arc<SinkUnit>) -> Self {
        Self {
            unit: Arc::clone(unit),
            began: Instant::now(),
        }
    }
}

impl Drop for AttemptPermit {
    fn drop(&mut self) {
        let breaker = &self.unit.breaker;
        {
            let mut known = breaker.known();
            known.running -= 1;
            known.is_quick = self.began.elapsed() < HOLD / 2;
        }
        breaker.changed.notify_waiters();
    }
}
