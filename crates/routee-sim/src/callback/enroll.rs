//! Which messages are expected to change, so that callbacks can be sent.

use std::sync::Arc;

use super::Source;
use crate::message::Message;
use crate::population::{Advance, Population};
use crate::world::World;

impl World {
    fn has_default_callback(&self) -> bool {
        self.active().switches.callbacks.url.is_some()
    }

    /// A message was registered, or a command changed it.
    pub(crate) fn expect_change_of(&self, message: &Arc<Message>) {
        let is_in_campaign = message.details.campaign_tracking_id.is_some();
        if message.callback.is_some() || is_in_campaign || self.has_default_callback() {
            let source = Source::Message(Arc::clone(message));
            self.callbacks
                .expect_changes([(self.clock.now_ms(), source)]);
        }
    }

    /// A population was made.
    pub(crate) fn expect_changes_of(&self, population: &Arc<Population>) {
        if population.spec.callbacks && self.has_default_callback() {
            let source = |index| Source::Population(Arc::clone(population), index);
            let changes = 0..population.spec.count;
            let changes = changes.map(|index| (population.accepted_ms(index), source(index)));
            self.callbacks.expect_changes(changes);
        }
    }

    /// A command that was given at `now_ms` moves some messages of a population.
    pub(crate) fn expect_moves_of(
        &self,
        population: &Arc<Population>,
        order: &Advance,
        now_ms: i64,
    ) {
        if population.spec.callbacks && self.has_default_callback() {
            let source = |index| Source::Population(Arc::clone(population), index);
            let to = order.to.unwrap_or(u64::MAX).min(population.spec.count);
            let moves = order.from..to;
            let moves = moves.map(|index| (order.moment_ms(index, now_ms), source(index)));
            self.callbacks.expect_changes(moves);
        }
    }

    /// There is another default URL: what happened before is not told there, only what comes.
    pub(crate) fn expect_changes_of_all(&self) {
        let now_ms = self.clock.now_ms();
        let messages = self.messages().into_iter().map(Source::Message);
        let populations = self.populations();
        let populations = populations.iter().filter(|all| all.spec.callbacks);
        let populations = populations.flat_map(|all| {
            let source = |index| Source::Population(Arc::clone(all), index);
            (0..all.spec.count).map(source)
        });
        let mut changes = Vec::new();
        for source in messages.chain(populations) {
            // Those with a callback of their own are expected already.
            if source.callback().is_none() {
                let reached = source.reached(now_ms, |_, _| {});
                changes.extend(reached.next_ms.map(|at_ms| (at_ms, source)));
            }
        }
        self.callbacks.expect_changes(changes);
    }
}
