//! What log entries add to a rate: events in its buckets, and how many of them its alert held back, each once even where
//! a step is repeated.

use smswatch_model::Timestamp;

use super::sample::Failure;
use super::{Due, REST, Rate, SOON, rate_id};
use crate::rules::RateGroup;
use crate::store::{LogPosition, RecordId};
use crate::taken::Source;

/// What one log entry adds to a rate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counting {
    /// What the rule wants.
    pub(crate) wanted: RateGroup,
    /// Where the entry stands.
    pub(crate) position: LogPosition,
    /// When each of its events was noticed, and whether it counts.
    pub(crate) events: Vec<(Timestamp, bool)>,
    /// How many of its events were held back because the rate's alert fires.
    pub(crate) held_back: u64,
    /// Those of its messages that count and failed.
    pub(crate) failures: Vec<Failure>,
}

impl Counting {
    /// The record of the rate that it adds to.
    pub(crate) fn rate_id(&self) -> RecordId {
        rate_id(&self.wanted)
    }
}

impl Rate {
    /// Counts an entry that it has not taken before.
    fn take(&mut self, counting: &Counting, source: &Source, now: Timestamp) {
        self.taken.add(source, &counting.position);
        self.settings = counting.wanted.settings;
        self.rests = false;
        for (noticed, is_counted) in &counting.events {
            let at = (*noticed).min(now);
            let bucket = self.bucket(at);
            let (total, count) = self.buckets.entry(bucket).or_default();
            *total += 1;
            *count += u64::from(*is_counted);
            if self.settings.usual.is_some() {
                self.hours.add(at, *is_counted);
            }
        }
    }

    /// Counts what was held back of an entry, unless it has done so before; returns whether it did.
    fn hold_back(&mut self, counting: &Counting, source: &Source) -> bool {
        let Counting {
            position,
            held_back,
            ..
        } = counting;
        let is_new = !self.taken_back.contains(source, position);
        let counts = *held_back > 0 && self.is_firing() && is_new;
        if counts {
            self.taken_back.add(source, position);
            self.held_back += held_back;
        }
        counts
    }
}

/// A rate with what all of `countings`, at least one, add to it in their order; and the numbers of those that added
/// anything: what was taken before does not, except where its events are held back now and were not then.
pub(crate) fn count_all(
    before: Option<Due>,
    countings: &[&Counting],
    source: &Source,
    now: Timestamp,
) -> (Due, Vec<usize>) {
    let due = before.or_else(|| {
        let rate = Rate::new(&countings.first()?.wanted);
        Some(Due {
            rate,
            at: now + REST,
        })
    });
    let Due { mut rate, at } = due.expect("there is a rate, or what begins one");
    let (mut taken, mut counted) = (Vec::new(), Vec::new());
    for (number, counting) in countings.iter().enumerate() {
        let is_new = !rate.has_taken(source, &counting.position);
        if is_new {
            rate.take(counting, source, now);
            counted.push(counting);
        }
        if rate.hold_back(counting, source) || is_new {
            taken.push(number);
        }
    }
    if taken.is_empty() {
        return (Due { rate, at }, taken);
    }
    let failures = counted.into_iter().flat_map(|counting| &counting.failures);
    rate.sample.add(failures);
    rate.forget(now);
    let next = if rate.is_quiet() {
        now + rate.settings.over
    } else {
        rate.bucket_end(now).min(now + SOON)
    };
    let at = at.min(next);
    (Due { rate, at }, taken)
}
