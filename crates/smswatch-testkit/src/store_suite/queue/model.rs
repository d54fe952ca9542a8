//! A queue as it should be, as plain as can be.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    ClaimedDeliveries, DeliveryState, DeliveryToken, Outcome, Priority, RedriveOutcome,
};

/// When what is left to a later version is offered again; longer than a test takes.
const OFFERED_AGAIN: Duration = Duration::from_secs(60);

/// An instant of the store, known to lie between two others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Between {
    fn after(self, delay: Duration) -> Self {
        Self {
            from: self.from + delay,
            to: self.to + delay,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Waiting(Between),
    Held {
        token: DeliveryToken,
        until: Between,
    },
    /// It is left to a later version, and offered to this one again then.
    Left(Between),
    Ended(DeliveryState),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    priority: Priority,
    /// Since it was queued, or queued again.
    attempts_made: u32,
    attempts_in_all: u32,
    /// When it was queued, or queued again.
    queued: Between,
    state: State,
}

impl Entry {
    /// When it can be claimed; never once it has ended.
    fn due(&self) -> Option<Between> {
        match self.state {
            State::Waiting(due) | State::Held { until: due, .. } | State::Left(due) => Some(due),
            State::Ended(_) => None,
        }
    }

    /// How far it is, as the store tells it.
    fn told(&self) -> DeliveryState {
        match self.state {
            State::Waiting(_) | State::Held { .. } | State::Left(_) => DeliveryState::Pending,
            State::Ended(state) => state,
        }
    }

    fn begin_anew(&mut self, at: Between) {
        self.state = State::Waiting(at);
        self.queued = at;
        self.attempts_made = 0;
    }

    /// Whether this goes before `other` for certain.
    fn precedes(&self, other: &Self) -> bool {
        match (self.due(), other.due()) {
            (Some(mine), Some(theirs)) => mine.to < theirs.from,
            _ => false,
        }
    }
}

/// What is expected of one delivery when it is looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) state: DeliveryState,
    pub(super) attempts_made: u32,
}

/// The queue of one sink.
#[derive(Debug, Default)]
pub(super) struct Model {
    entries: BTreeMap<DeliveryId, Entry>,
    /// Every token that was ever given out.
    tokens: HashSet<(DeliveryId, DeliveryToken)>,
}

impl Model {
    /// Queues a delivery; one that exists stays as it is. Returns whether it is new.
    pub(super) fn enqueue(&mut self, id: DeliveryId, priority: Priority, at: Between) -> bool {
        let is_new = !self.entries.contains_key(&id);
        self.entries.entry(id).or_insert(Entry {
            priority,
            attempts_made: 0,
            attempts_in_all: 0,
            queued: at,
            state: State::Waiting(at),
        });
        is_new
    }

    /// Takes note of a claim.
    ///
    /// # Errors
    ///
    /// The claim should not have come out so.
    pub(super) fn claim(
        &mut self,
        priority: Priority,
        limit: u32,
        lease: Duration,
        claimed: &ClaimedDeliveries,
    ) -> Result<(), String> {
        let now = claimed.now;
        let ids: Vec<_> = claimed.deliveries.iter().map(|one| &one.id).collect();
        let mut taken = Vec::new();
        for one in &claimed.deliveries {
            let entry = self.entries.get(&one.id).copied();
            let entry = entry.ok_or_else(|| format!("{} was never queued", one.id))?;
            if entry.priority != priority {
                return Err(format!("{} is {:?}", one.id, entry.priority));
            }
            if entry.due().is_none_or(|due| due.from > now) {
                return Err(format!("{} was claimed and is {:?}", one.id, entry.state));
            }
            if entry.attempts_made != one.attempts_made {
                return Err(format!("{} had {} attempts", one.id, entry.attempts_made));
            }
            if !self.tokens.insert((one.id.clone(), one.token)) {
                return Err(format!("{} was claimed twice under one token", one.id));
            }
            taken.push(entry);
        }
        let is_full = taken.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        for (id, entry) in &self.entries {
            let is_due = entry.due().is_some_and(|due| due.to <= now);
            if !is_due || entry.priority != priority || ids.contains(&id) {
                continue;
            }
            if !is_full {
                return Err(format!("{id} was due and not claimed: {:?}", entry.state));
            }
            if taken.iter().any(|other| entry.precedes(other)) {
                return Err(format!("{id} should have gone before others of {ids:?}"));
            }
        }
        if taken.windows(2).any(|pair| pair[1].precedes(&pair[0])) {
            return Err(format!("{ids:?} are not in their order"));
        }
        for one in &claimed.deliveries {
            let until = Between {
                from: now + lease,
                // A store may end a lease within the millisecond that follows.
                to: now + lease + Duration::from_millis(1),
            };
            let token = one.token;
            self.set(&one.id, |entry| entry.state = State::Held { token, until });
        }
        self.next_due(priority, claimed.next_due)
    }

    /// Compares when something of a priority is due next with what the store says.
    fn next_due(&self, priority: Priority, said: Option<Timestamp>) -> Result<(), String> {
        let of_priority = |entry: &&Entry| entry.priority == priority;
        let dues = self.entries.values().filter(of_priority);
        let dues: Vec<Between> = dues.filter_map(Entry::due).collect();
        let from = dues.iter().map(|due| due.from).min();
        let to = dues.iter().map(|due| due.to).min();
        if from <= said && said <= to {
            return Ok(());
        }
        Err(format!(
            "{priority:?} ones are due at {said:?}, not between {from:?} and {to:?}"
        ))
    }

    /// Takes note of a completion that the store answered with `held` by the time `at`.
    ///
    /// # Errors
    ///
    /// The store should have answered otherwise.
    pub(super) fn complete(
        &mut self,
        id: &DeliveryId,
        token: DeliveryToken,
        outcome: Outcome,
        held: bool,
        at: Between,
    ) -> Result<(), String> {
        let state = self.entries.get(id).map(|entry| entry.state);
        let until = match state {
            Some(State::Held {
                token: current,
                until,
            }) if current == token => Some(until),
            _ => None,
        };
        match (until, held) {
            (None, true) => return Err(format!("{id} was completed by an outdated token")),
            (Some(until), false) if at.to < until.from => {
                return Err(format!("{id} could not be completed by its holder"));
            }
            (_, false) => return Ok(()),
            (Some(_), true) => {}
        }
        self.set(id, |entry| {
            let is_attempt = u32::from(outcome.is_attempt());
            entry.attempts_made += is_attempt;
            entry.attempts_in_all += is_attempt;
            entry.state = match outcome {
                Outcome::Delivered => State::Ended(DeliveryState::Delivered),
                Outcome::Dead => State::Ended(DeliveryState::Dead),
                Outcome::Suppressed => State::Ended(DeliveryState::Suppressed),
                Outcome::Retry(delay) | Outcome::Postponed(delay) => {
                    State::Waiting(at.after(delay))
                }
                Outcome::Returned => State::Waiting(entry.queued),
                Outcome::Left => State::Left(at.after(OFFERED_AGAIN)),
            };
        });
        Ok(())
    }

    /// Takes note of what became of a request to send `id` again if it is in the state `wanted`.
    ///
    /// # Errors
    ///
    /// Something else should have become of it.
    pub(super) fn requeue(
        &mut self,
        id: &DeliveryId,
        wanted: DeliveryState,
        outcome: &RedriveOutcome,
        at: Between,
    ) -> Result<(), String> {
        let state = self.entries.get(id).map(Entry::told);
        let is_right = match outcome {
            RedriveOutcome::Unknown => state.is_none(),
            RedriveOutcome::Refused(found) => state == Some(*found) && *found != wanted,
            RedriveOutcome::Done { .. } => state == Some(wanted),
        };
        if !is_right {
            return Err(format!(
                "{id} is {state:?}, and a retry came to {outcome:?}"
            ));
        }
        if matches!(outcome, RedriveOutcome::Done { .. }) {
            self.set(id, |entry| entry.begin_anew(at));
        }
        Ok(())
    }

    /// Takes note that all that were given up were queued again; returns how many they are.
    pub(super) fn requeue_dead(&mut self, at: Between) -> u64 {
        let mut count = 0;
        for entry in self.entries.values_mut() {
            if entry.told() == DeliveryState::Dead {
                entry.begin_anew(at);
                count += 1;
            }
        }
        count
    }

    /// Takes note that `id` was to be given up, and was or was not.
    ///
    /// # Errors
    ///
    /// It should have been, or should not.
    pub(super) fn dead_letter(
        &mut self,
        id: &DeliveryId,
        is_dead_lettered: bool,
        at: Between,
    ) -> Result<(), String> {
        let Some(entry) = self.entries.get(id).copied() else {
            return match is_dead_lettered {
                true => Err(format!("{id} was given up and never queued")),
                false => Ok(()),
            };
        };
        let (must, may) = match entry.state {
            _ if entry.priority == Priority::Critical => (false, false),
            State::Ended(_) | State::Left(_) => (false, false),
            State::Waiting(_) => (true, true),
            State::Held { until, .. } => (until.to < at.from, until.from <= at.to),
        };
        if must && !is_dead_lettered || is_dead_lettered && !may {
            return Err(format!(
                "{id} was given up: {is_dead_lettered}; it is {entry:?}"
            ));
        }
        if is_dead_lettered {
            self.set(id, |entry| entry.state = State::Ended(DeliveryState::Dead));
        }
        Ok(())
    }

    /// When the last of the leases that end before `horizon` has ended.
    pub(super) fn last_end_before(&self, horizon: Timestamp) -> Option<Timestamp> {
        let ends = self.entries.values().filter_map(|entry| match entry.state {
            State::Held { until, .. } => Some(until.to),
            State::Waiting(_) | State::Left(_) | State::Ended(_) => None,
        });
        ends.filter(|end| *end < horizon).max()
    }

    /// Everything that was ever queued, and what should be found of it.
    pub(super) fn expected(&self) -> impl Iterator<Item = (&DeliveryId, Expected)> {
        self.entries.iter().map(|(id, entry)| {
            let expected = Expected {
                state: entry.told(),
                attempts_made: entry.attempts_in_all,
            };
            (id, expected)
        })
    }

    fn set(&mut self, id: &DeliveryId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(id) {
            change(entry);
        }
    }
}
