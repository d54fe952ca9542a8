//! Decides who probes an open breaker, and when.

use std::time::Duration;

use super::super::Circuit;
use super::news::AllNews;
use super::{Breaker, PROMPT};
use crate::clock::StoreClock;
use crate::context::Context;
use crate::store::StoreError;
use smswatch_model::Timestamp;

impl Breaker {
    /// Takes the right to make one attempt at an open breaker, or at that of the destination `key`, before
    /// any other process does. While the store does not say who has it, each process probes by itself.
    pub(crate) async fn take_probe(&self, context: &Context, key: Option<&str>) -> bool {
        let settings = &self.settings;
        let take = |circuit: &mut Circuit, now| match key {
            Some(key) => circuit.take_probe_of(key, settings, now),
            None => circuit.take_probe(settings, now),
        };
        let taken = self.change(context, 0, |circuit, now| {
            (take(circuit, now), AllNews::new())
        });
        if let Ok(Ok(is_taken)) = tokio::time::timeout(PROMPT, taken).await {
            return is_taken;
        }
        let now = context.clock.now();
        let mut known = self.known();
        let name = key.unwrap_or_default().to_owned();
        let until = known.alone_until.get(&name);
        let is_taken = until.is_none_or(|until| *until <= now) && take(&mut known.view, now);
        if is_taken {
            known.alone_until.retain(|_, until| *until > now);
            known.alone_until.insert(name, now + settings.probe);
        }
        is_taken
    }

    /// Has an open breaker probed at once, and those of the destinations, as somebody wants to have sent
    /// again what they did not take. What is paused stays so.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn probe_now(&self, context: &Context) -> Result<(), StoreError> {
        let probe = |circuit: &mut Circuit, now| (circuit.probe_now(now), AllNews::new());
        self.change(context, 0, probe).await
    }

    /// Whether nothing but the interval between probes stands against one.
    pub(crate) fn may_probe(&self, now: Timestamp) -> bool {
        let known = self.known();
        let view = &known.view;
        view.open_since().is_some()
            && view.paused_since().is_none()
            && view.held_until(now).is_none()
    }

    /// Waits until an open breaker may be probed, as far as is known.
    pub(crate) async fn time_to_probe(&self, clock: &StoreClock) {
        loop {
            let changed = self.changed.notified();
            let now = clock.now();
            let probe_at = self.known().view.probe_at(now);
            match probe_at {
                Some(at) if at <= now => return,
                Some(at) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(at.since(now) + Duration::from_millis(1)) => {}
                },
                None => changed.await,
            }
        }
    }
}
