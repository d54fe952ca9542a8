//! Populations: up to millions of messages that are computed from their index, not stored.

mod ledger;
mod order;

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use ledger::Ledger;
pub use order::{Advance, PopulationReport, PopulationSpec};

use crate::callback::Reached;
use crate::error::SimError;
use crate::fate::pick;
use crate::ids;
use crate::part::{Details, PartView};
use crate::script::{NEVER, Pushed, Script, Sight};
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
    /// How many steps of each part were told by callbacks; not there until the first is.
    told: OnceLock<Box<[AtomicU8]>>,
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
                campaign_name: spec.campaign_name.clone(),
                campaign_tracking_id: spec.campaign_tracking_id.clone(),
                ..Details::default()
            },
            scripts,
            moves: RwLock::default(),
            told: OnceLock::new(),
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

    /// Visits the moments at which commands move message `index`, and by how many steps.
    fn each_move(&self, index: u64, mut visit: impl FnMut(i64, usize)) {
        let moves = self.moves.read().unwrap_or_else(PoisonError::into_inner);
        let its = moves
            .iter()
            .filter(|order| (order.order.from..order.to).contains(&index));
        for order in its {
            visit(order.order.moment_ms(index, order.at_ms), order.order.steps);
        }
    }

    fn pushed(&self, index: u64, accepted_ms: i64, now_ms: i64) -> Pushed {
        let mut pushed = Pushed::default();
        self.each_move(index, |moment_ms, steps| {
            if moment_ms <= now_ms {
                pushed.steps += steps;
                pushed.last_ms = pushed.last_ms.max(moment_ms - accepted_ms);
            }
        });
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
        for position in shape.shown_parts(script.parts.len()) {
            let Some(state) = script.parts[position].state(elapsed_ms, pushed) else {
                continue;
            };
            let is_early = self.spec.visible_early && state.step == 0;
            let times = if is_early {
                (self.start_ms, self.start_ms)
            } else {
                (accepted_ms, accepted_ms + state.date_ms)
            };
            let is_served = self.show(index, script, position, state.step, times, &mut visit);
            if is_served && let Some(ledger) = &self.ledger {
                ledger.record(index, script, position, state.step);
            }
        }
        sight
    }

    /// Shows each step that was reached since the last call, with its place among the part's steps.
    pub(crate) fn reached(
        &self,
        index: u64,
        now_ms: i64,
        mut visit: impl FnMut(&PartView<'_>, usize),
    ) -> Reached {
        let script = self.script(index);
        if script.visible_after_ms == NEVER {
            return Reached::default();
        }
        let most = self.scripts.iter().map(|script| script.parts.len()).max();
        let most = most.unwrap_or(1);
        let told = self.told.get_or_init(|| {
            let cells = as_usize(self.spec.count) * most;
            (0..cells).map(|_| AtomicU8::new(0)).collect()
        });
        let told = &told[as_usize(index) * most..];
        let accepted_ms = self.accepted_ms(index);
        let elapsed_ms = now_ms - accepted_ms;
        let pushed = self.pushed(index, accepted_ms, now_ms);
        let mut next_ms = None;
        self.each_move(index, |at_ms, _| {
            let ahead = Some(at_ms).filter(|at_ms| *at_ms > now_ms);
            next_ms = next_ms.into_iter().chain(ahead).min();
        });
        for (position, part) in script.parts.iter().enumerate() {
            let ahead_ms = part.next_ms(elapsed_ms).map(|at_ms| accepted_ms + at_ms);
            next_ms = next_ms.into_iter().chain(ahead_ms).min();
            let Some(state) = part.state(elapsed_ms, pushed) else {
                continue;
            };
            let reached = u8::try_from(state.step + 1).unwrap_or(u8::MAX);
            let before = told[position].fetch_max(reached, Ordering::Relaxed);
            for at in usize::from(before)..=state.step {
                let date_ms = accepted_ms + part.date_ms(at, state.by_time, pushed);
                self.show(
                    index,
                    script,
                    position,
                    at,
                    (accepted_ms, date_ms),
                    |view| {
                        visit(view, at);
                    },
                );
            }
        }
        Reached {
            next_ms,
            became_final: false,
        }
    }

    /// Shows one part with a step of its, and with when the message was accepted and when the step came.
    fn show<T>(
        &self,
        index: u64,
        script: &Script,
        position: usize,
        step: usize,
        (accepted_ms, date_ms): (i64, i64),
        visit: impl FnOnce(&PartView<'_>) -> T,
    ) -> T {
        let part = &script.parts[position];
        let part_number = u32::try_from(position + 1).expect("a message has few parts");
        visit(&PartView {
            sms_id: &ids::derived(self.key, index, part_number),
            message_id: &self.message_id(index),
            details: &self.details,
            to: &ShortText::format(format_args!("+3069{:08}", index % 100_000_000)),
            label: self.spec.label.as_deref(),
            part: position + 1,
            parts: script.parts.len(),
            price: part.price,
            accepted_ms,
            step: &part.steps[step],
            date_ms,
        })
    }

    /// The indices of the messages that were accepted from `from_ms` to `to_ms`, both included.
    pub(crate) fn accepted_within(&self, from_ms: i64, to_ms: i64) -> std::ops::Range<u64> {
        let first_that = |is_behind: &dyn Fn(i64) -> bool| {
            let (mut low, mut high) = (0, self.spec.count);
            while low < high {
                let middle = low + (high - low) / 2;
                if is_behind(self.accepted_ms(middle)) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            low
        };
        let first = first_that(&|accepted_ms| accepted_ms >= from_ms);
        first..first_that(&|accepted_ms| accepted_ms > to_ms).max(first)
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
