//! Lets as many attempts run at once as a sink's breaker and its ramp allow.

use std::sync::Arc;

use crate::shared::{Shared, SinkUnit};

/// The right to make an attempt; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<SinkUnit>);

impl Turn {
    /// Waits for the right to make an attempt; none while the sink is parked.
    pub(crate) async fn wait(shared: &Shared, unit: &Arc<SinkUnit>) -> Option<Self> {
        let breaker = &unit.breaker;
        loop {
            let changed = breaker.changed.notified();
            let now = shared.clock.now();
            {
                let mut known = breaker.known();
                let slots = known.slots(now);
                if slots == 0 {
                    return None;
                }
                if known.running < slots {
                    known.running += 1;
                    return Some(Self(Arc::clone(unit)));
                }
            }
            changed.await;
        }
    }

    /// The right to probe, for who has taken it from all others.
    pub(crate) fn probe(unit: &Arc<SinkUnit>) -> Self {
        unit.breaker.known().running += 1;
        Self(Arc::clone(unit))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let breaker = &self.0.breaker;
        breaker.known().running -= 1;
        breaker.changed.notify_waiters();
    }
}
