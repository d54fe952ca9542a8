//! What log entries add to a rate: events in its buckets, and how many of them its alert held back, each once even where
//! a step is repeated or two processes route it at once.

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
    /// Whether the rate's alert fires, as rules saw it that wait for its end; `None` if there are none.
    pub(crate) fires: Option<bool>,
    /// How many of its events were held back because of that.
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
    /// Whether the entry was routed as the rate says it is to be.
    pub(crate) fn agrees(&self, counting: &Counting, source: &Source) -> bool {
        let holds_back = || self.holds_back(source, &counting.position);
        counting.fires.is_none_or(|fires| fires == holds_back())
    }

    /// Counts an entry that it has not taken before.
    fn take(&mut self, counting: &Counting, source: &Source, now: Timestamp) {
        let position = &counting.position;
        if counting.fires == Some(true) {
            let last = self.taken.last(source, position);
            if let (None, Some(last)) = (self.taken_back.last(source, position), last) {
                self.told_until.add(source, &last);
            }
            self.taken_back.add(source, position);
            self.held_back += counting.held_back;
        }
        self.taken.add(source, position);
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
}

/// A rate with what all of `countings`, at least one, add to it in their order; and the numbers of those that added
/// anything: what was taken before does not, nor what follows an entry that was routed otherwise than the rate says.
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
    let mut taken = Vec::new();
    for (number, counting) in countings.iter().enumerate() {
        if !rate.agrees(counting, source) {
            break;
        }
        if !rate.has_taken(source, &counting.position) {
            rate.take(counting, source, now);
            taken.push(number);
        }
    }
    if taken.is_empty() {
        return (Due { rate, at }, taken);
    }
    let counted = taken.iter().map(|number| countings[*number]);
    let failures = counted.flat_map(|counting| &counting.failures);
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
