//! Populations: up to millions of messages that are computed from their index, not stored.

mod ledger;
mod order;

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use ledger::Ledger;
pub use order::{Advance, PopulationReport, PopulationSpec};

use crate::error::SimError;
use crate::fate::pick;
use crate::ids;
use crate::part::{Details, PartView};
use crate::script::{Pushed, Script, Sight};
use crate::shape::Shape;
use crate::text::ShortText;

#[derive(Clone, Debug)]
struct Move {
    order: Advance,
    to: u64,
    at_ms: i64,
}

/// A population at work.
#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) spec: PopulationSpec,
    /// What all ids and draws follow from: the seed and the name.
    key: u64,
    start_ms: i64,
    details: Details,
    scripts: Vec<Script>,
    moves: RwLock<Vec<Move>>,
    polls: AtomicU64,
    polls_by_message: Option<Box<[AtomicU16]>>,
    ledger: Option<Ledger>,
}

impl Population {
    pub(crate) fn new(mut spec: PopulationSpec, now_ms: i64) -> Result<Self, SimError> {
        let invalid = |trouble: String| Err(SimError::Invalid(trouble));
        if spec.count > 1 << 40 {
            return invalid("a population has at most 2^40 messages".to_owned());
        }
        if spec.fates.is_empty() {
            spec.fates.push(crate::fate::Fate::Stuck.into());
        }
        if pick(&spec.fates, 0).is_none() {
            return invalid("at least one fate needs a weight above 0".to_owned());
        }
        let scripts: Vec<Script> = spec
            .fates
            .iter()
            .map(|fate| fate.script().paced(spec.time_scale, spec.hold))
            .collect();
        if let Some(problem) = scripts.iter().find_map(Script::problem) {
            return invalid(problem.to_owned());
        }
        if spec.ledger && !scripts.iter().all(Ledger::holds) {
            return invalid("a ledger needs fates of at most 256 combined states".to_owned());
        }
        let length = usize::try_from(spec.count).expect("at most 2^40 on a 64-bit machine");
        Ok(Self {
            key: spec.name.bytes().fold(ids::mix(spec.seed), |key, byte| {
                ids::mix(key ^ u64::from(byte))
            }),
            start_ms: spec.start_ms.unwrap_or(now_ms),
            details: Details {
                from: spec.from.clone(),
                country: spec.country.clone(),
                operator: spec.operator.clone(),
                body: spec.body.clone(),
                ..Details::default()
            },
            scripts,
            moves: RwLock::default(),
            polls: AtomicU64::new(0),
            polls_by_message: spec
                .count_polls
                .then(|| (0..length).map(|_| AtomicU16::new(0)).collect()),
            ledger: spec.ledger.then(|| Ledger::new(spec.count)),
            spec,
        })
    }

    /// The index behind a message id, if it is one of ours.
    pub(crate) fn index_of(&self, id: &str) -> Option<u64> {
        ids::index_of(self.key, self.spec.count, id)
    }

    pub(crate) fn message_id(&self, index: u64) -> ShortText {
        ids::derived(self.key, index, 0)
    }

    fn script(&self, index: u64) -> &Script {
        let draw = ids::mix(self.key.rotate_left(32) ^ ids::mix(!index));
        let position = pick(&self.spec.fates, draw).expect("checked when it was made");
        &self.scripts[position]
    }

    /// When message `index` is accepted.
    pub(crate) fn accepted_ms(&self, index: u64) -> i64 {
        let delay = u128::from(self.spec.spread_ms) * u128::from(index)
            / u128::from(self.spec.count.max(1));
        self.start_ms
            .saturating_add(i64::try_from(delay).unwrap_or(i64::MAX))
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "milliseconds of a rate; a float cast saturates"
    )]
    fn pushed(&self, index: u64, accepted_ms: i64, now_ms: i64) -> Pushed {
        let moves = self.moves.read().unwrap_or_else(PoisonError::into_inner);
        let mut pushed = Pushed::default();
        for order in moves
            .iter()
            .filter(|order| (order.order.from..order.to).contains(&index))
        {
            let turn = (index - order.order.from) as f64;
            let delay_ms = order
                .order
                .per_second
                .map_or(0.0, |rate| turn * 1000.0 / rate);
            let moment_ms = order.at_ms.saturating_add(delay_ms as i64);
            if moment_ms <= now_ms {
                pushed.steps += order.order.steps;
                pushed.last_ms = pushed.last_ms.max(moment_ms - accepted_ms);
            }
        }
        pushed
    }

    /// Counts a poll.
    pub(crate) fn polled(&self, index: u64) {
        self.polls.fetch_add(1, Ordering::Relaxed);
        if let Some(counter) = self
            .polls_by_message
            .as_ref()
            .and_then(|all| all.get(as_usize(index)))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Shows every visible part to `visit`, which says whether it is now served to a client.
    pub(crate) fn look(
        &self,
        index: u64,
        now_ms: i64,
        shape: &Shape,
        mut visit: impl FnMut(&PartView<'_>) -> bool,
    ) -> Sight {
        let accepted_ms = self.accepted_ms(index);
        let mut elapsed_ms = now_ms - accepted_ms;
        if self.spec.visible_early {
            elapsed_ms = elapsed_ms.max(0);
        }
        let script = self.script(index);
        let sight = script.sight(elapsed_ms);
        if sight != Sight::Parts {
            return sight;
        }
        let pushed = self.pushed(index, accepted_ms, now_ms);
        let message_id = self.message_id(index);
        let to = ShortText::format(format_args!("+3069{:08}", index % 100_000_000));
        for position in shape.shown_parts(script.parts.len()) {
            let part = &script.parts[position];
            let Some(state) = part.state(elapsed_ms, pushed) else {
                continue;
            };
            let part_number = u32::try_from(position + 1).expect("a message has few parts");
            let is_early = self.spec.visible_early && state.step == 0;
            let view = PartView {
                sms_id: &ids::derived(self.key, index, part_number),
                message_id: &message_id,
                details: &self.details,
                to: &to,
                label: self.spec.label.as_deref(),
                part: position + 1,
                parts: script.parts.len(),
                price: part.price,
                accepted_ms: if is_early { self.start_ms } else { accepted_ms },
                step: &part.steps[state.step],
                date_ms: if is_early {
                    self.start_ms
                } else {
                    accepted_ms + state.date_ms
                },
            };
            if visit(&view)
                && let Some(ledger) = &self.ledger
            {
                ledger.record(index, script, position, state.step);
            }
        }
        sight
    }

    /// Moves messages from `now_ms` on; says how many.
    pub(crate) fn advance(&self, order: Advance, now_ms: i64) -> Result<u64, SimError> {
        if order
            .per_second
            .is_some_and(|rate| !rate.is_finite() || rate <= 0.0)
        {
            return Err(SimError::Invalid("`per_second` must be above 0".to_owned()));
        }
        let to = order.to.unwrap_or(self.spec.count).min(self.spec.count);
        let moved = to.saturating_sub(order.from);
        let mut moves = self.moves.write().unwrap_or_else(PoisonError::into_inner);
        moves.push(Move {
            order,
            to,
            at_ms: now_ms,
        });
        Ok(moved)
    }

    /// One line of the ledger: the polls of a message and what was last served of it.
    pub(crate) fn ledger_line(&self, index: u64) -> String {
        let polls = self
            .polls_by_message
            .as_ref()
            .and_then(|all| all.get(as_usize(index)))
            .map_or(0, |counter| counter.load(Ordering::Relaxed));
        let script = self.script(index);
        let last_served = self
            .ledger
            .iter()
            .flat_map(|ledger| ledger.last_served(index, script));
        let served: Vec<String> = last_served
            .map(|step| match step {
                None => "-".to_owned(),
                Some(step) => {
                    format!(
                        "{}/{}",
                        step.status,
                        step.detailed_status.as_deref().unwrap_or("")
                    )
                }
            })
            .collect();
        format!(
            "{}\t{polls}\t{}\n",
            &*self.message_id(index),
            served.join(";")
        )
    }

    pub(crate) fn report(&self) -> PopulationReport {
        let sums = self
            .ledger
            .as_ref()
            .map(|ledger| ledger.sums(|index| self.script(index)));
        let sums = sums.as_ref();
        PopulationReport {
            name: self.spec.name.clone(),
            count: self.spec.count,
            polls: self.polls.load(Ordering::Relaxed),
            messages_served: sums.map(|sums| sums.messages_served),
            messages_served_final: sums.map(|sums| sums.messages_served_final),
            changes_served: sums.map(|sums| sums.changes_served),
            first_sights: sums.map(|sums| sums.first_sights),
        }
    }
}

fn as_usize(index: u64) -> usize {
    usize::try_from(index).expect("an index below 2^40 on a 64-bit machine")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fate::{Fate, WeightedFate};

    fn population(fates: Vec<WeightedFate>) -> Population {
        let spec = PopulationSpec {
            count: 100,
            fates,
            hold: true,
            ledger: true,
            ..PopulationSpec::default()
        };
        Population::new(spec, 0).expect("a valid order")
    }

    fn serve(population: &Population, index: u64, now_ms: i64) -> Vec<String> {
        let mut statuses = Vec::new();
        population.look(index, now_ms, &Shape::default(), |view| {
            statuses.push(view.step.status.clone());
            true
        });
        statuses
    }

    #[test]
    fn a_rate_moves_one_after_the_other_and_the_ledger_counts_it() {
        let population = population(vec![Fate::CarrierViolation.into()]);
        let order = Advance {
            per_second: Some(10.0),
            to: Some(50),
            ..Advance::default()
        };
        assert_eq!(population.advance(order, 1_000).expect("valid"), 50);
        assert_eq!(serve(&population, 0, 999), ["Queued"]);
        assert_eq!(serve(&population, 0, 1_000), ["Sent"]);
        assert_eq!(serve(&population, 9, 1_899), ["Queued"]);
        assert_eq!(serve(&population, 9, 1_900), ["Sent"]);
        assert_eq!(serve(&population, 50, 99_000), ["Queued"]);
        let report = population.report();
        assert_eq!(
            (report.changes_served, report.first_sights),
            (Some(5), Some(3))
        );
    }

    #[test]
    fn parts_are_counted_each_for_itself() {
        let population = population(vec![Fate::MixedParts.into()]);
        assert_eq!(serve(&population, 7, 0), ["Queued"; 3]);
        population
            .advance(
                Advance {
                    steps: 2,
                    ..Advance::default()
                },
                10,
            )
            .expect("valid");
        assert_eq!(
            serve(&population, 7, 10),
            ["Delivered", "Undelivered", "Delivered"]
        );
        serve(&population, 7, 11);
        let report = population.report();
        assert_eq!(report.changes_served, Some(6));
        assert_eq!(report.messages_served_final, Some(1));
        let line = population.ledger_line(7);
        assert!(
            line.ends_with(
                "\t0\tDelivered/Delivered;Undelivered/Carrier Violation;Delivered/Delivered\n"
            ),
            "{line}"
        );
    }
}
