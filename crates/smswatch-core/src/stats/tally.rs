//! Counts of what became of messages, that add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Number;
use smswatch_model::{Event, Outcome, PreviousStatus, Word};

use super::OTHER;

/// How many words of statuses are counted apart; what is beyond counts as [`OTHER`].
const MOST_STATUSES: usize = 24;

/// Up to how many seconds each class of delivery times goes. What takes longer is counted with the last.
const CLASSES: [u32; 22] = [
    1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14_400,
    28_800, 86_400,
];

/// What became of messages, as differences: a message that leaves a status takes back what it added to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    #[serde(rename = "m", default, skip_serializing_if = "is_zero")]
    messages: i64,
    #[serde(rename = "s", default, skip_serializing_if = "BTreeMap::is_empty")]
    statuses: BTreeMap<String, i64>,
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    delivered: i64,
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    failed: i64,
    /// In millionths of the account's currency.
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    cost: i64,
    /// How many deliveries there were in each class of times, by its number.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    times: BTreeMap<u8, u32>,
}

/// How long deliveries took, in seconds, rounded up to the end of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds {
    /// Half of the deliveries took no longer.
    pub p50: u32,
    /// 95 % of them took no longer.
    pub p95: u32,
    /// How many deliveries these are.
    pub count: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl Tally {
    /// What the changes that were seen of one message at once add.
    pub(super) fn of(changes: &[&Event]) -> Self {
        let mut tally = Self::default();
        for change in changes {
            tally.take(change);
        }
        if changes.iter().any(|change| change.sequence == 1) {
            tally.messages = 1;
        }
        let after = changes.last().and_then(|change| change.message.outcome);
        let before = after.and_then(|after| outcome_before(changes, after));
        tally.count(before, -1);
        tally.count(after, 1);
        tally
    }

    fn take(&mut self, change: &Event) {
        let price = change.part.price.as_ref().map_or(0, millionths);
        if let Some(current) = &change.current {
            let status = Word::new(&current.status);
            self.status(&status, 1);
            if current.is_final && !status.is_delivered() {
                self.cost += price;
            }
            if let Some(previous) = &change.previous
                && status.is_delivered()
                && !is_final(previous)
            {
                let took = current.date.since(previous.date).as_secs();
                *self.times.entry(class(took)).or_default() += 1;
            }
        }
        if let Some(previous) = &change.previous {
            self.status(&Word::new(&previous.status), -1);
            if is_final(previous) && !is_delivered(previous) {
                self.cost -= price;
            }
        }
    }

    fn status(&mut self, status: &Word, difference: i64) {
        self.add_status(status.as_str(), difference);
    }

    fn add_status(&mut self, status: &str, difference: i64) {
        let is_counted_apart =
            self.statuses.contains_key(status) || self.statuses.len() < MOST_STATUSES;
        let status = if is_counted_apart { status } else { OTHER };
        let count = self.statuses.entry(status.to_owned()).or_default();
        *count += difference;
        if *count == 0 {
            self.statuses.remove(status);
        }
    }

    fn count(&mut self, outcome: Option<Outcome>, difference: i64) {
        match outcome {
            Some(Outcome::Delivered) => self.delivered += difference,
            Some(Outcome::Failed) => self.failed += difference,
            Some(Outcome::Pending) | None => {}
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.cost += other.cost;
        for (status, count) in &other.statuses {
            self.add_status(status, *count);
        }
        for (class, count) in &other.times {
            let sum = self.times.entry(*class).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// How many messages were seen for the first time.
    #[must_use]
    pub fn messages(&self) -> u64 {
        positive(self.messages)
    }

    /// How many parts came to each status and are in it still.
    pub fn statuses(&self) -> impl Iterator<Item = (&str, u64)> {
        let statuses = self.statuses.iter();
        let statuses = statuses.map(|(status, count)| (status.as_str(), positive(*count)));
        statuses.filter(|(_, count)| *count > 0)
    }

    /// How many messages came to be delivered.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        positive(self.delivered)
    }

    /// How many messages failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        positive(self.failed)
    }

    /// How many of the messages that were seen for the first time have not ended.
    #[must_use]
    pub fn pending(&self) -> u64 {
        let ended = self.delivered() + self.failed();
        self.messages().saturating_sub(ended)
    }

    /// What parts cost that were not delivered, in the account's currency.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "no account spends 2^52 millionths"
    )]
    pub fn undelivered_cost(&self) -> f64 {
        self.cost.max(0) as f64 / 1e6
    }

    /// How long deliveries took from the status before; `None` if none was seen on its way.
    #[must_use]
    pub fn delivery_seconds(&self) -> Option<Seconds> {
        let count: u64 = self.times.values().map(|count| u64::from(*count)).sum();
        (count > 0).then(|| Seconds {
            p50: self.within(count.div_ceil(2)),
            p95: self.within((count * 95).div_ceil(100)),
            count,
        })
    }

    /// The end of the class up to which there are `wanted` deliveries.
    fn within(&self, wanted: u64) -> u32 {
        let mut sum = 0;
        let found = self.times.iter().find(|(_, count)| {
            sum += u64::from(**count);
            sum >= wanted
        });
        let class = found.map_or(0, |(class, _)| usize::from(*class));
        CLASSES[class.min(CLASSES.len() - 1)]
    }
}

/// How a message did before these changes, which were seen at once and led to `after`; `None` if it was not known.
///
/// An event says how its message does after it. What it did before follows from the statuses that its parts had,
/// except for a message of several parts of which only some changed: then the others count as they are now.
fn outcome_before(changes: &[&Event], after: Outcome) -> Option<Outcome> {
    if changes.iter().any(|change| change.sequence == 1) {
        return None;
    }
    let previous: Vec<&PreviousStatus> = changes
        .iter()
        .filter_map(|change| change.previous.as_ref())
        .collect();
    let part_count = changes
        .last()
        .and_then(|change| change.message.part_count)
        .unwrap_or(0);
    let are_all = previous.len() == changes.len()
        && (after != Outcome::Pending || previous.len() >= part_count as usize);
    if !are_all || !previous.iter().copied().all(is_final) {
        return Some(Outcome::Pending);
    }
    let is_now_delivered = |change: &&Event| {
        let current = change.current.as_ref();
        current.is_some_and(|current| Word::new(&current.status).is_delivered())
    };
    let others_failed = after == Outcome::Failed && changes.iter().all(is_now_delivered);
    let was_delivered = previous.iter().copied().all(is_delivered) && !others_failed;
    Some(match was_delivered {
        true => Outcome::Delivered,
        false => Outcome::Failed,
    })
}

fn is_final(previous: &PreviousStatus) -> bool {
    Word::new(&previous.status).is_final()
}

fn is_delivered(previous: &PreviousStatus) -> bool {
    Word::new(&previous.status).is_delivered()
}

fn class(seconds: u64) -> u8 {
    let class = CLASSES.iter().position(|end| seconds <= u64::from(*end));
    u8::try_from(class.unwrap_or(CLASSES.len() - 1)).unwrap_or(u8::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a price far beyond any is cut to the largest number"
)]
fn millionths(price: &Number) -> i64 {
    let price = price.as_f64().unwrap_or_default();
    // A month's whole spending at most, so that sums stay far within their type.
    (price.clamp(0.0, 1e6) * 1e6).round() as i64
}

fn positive(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
