//! Compares an observation with what is known: the new snapshot, and what changed.

mod matching;

use std::cmp::Ordering;
use std::time::Duration;

use serde_json::Number;

use crate::{
    Candidate, DetailWord, Observation, Part, PartReport, SmsId, Snapshot, Source, StatusAt,
    Timestamp, Word,
};

/// How far ahead of its observation a status may be dated before it is taken back to it.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// How far apart two polls must lie for their agreement to outweigh the order of dates.
pub const AGREEMENT_GAP: Duration = Duration::from_secs(60);

/// A difference in one part's status between two successive snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The part.
    pub sms_id: SmsId,
    /// Its place among the message's parts, from 1.
    pub number: Option<u32>,
    /// What was known before; none at first sight.
    pub previous: Option<StatusAt>,
    /// What is known now.
    pub current: StatusAt,
    /// The provider's free text on the status.
    pub description: Option<String>,
    /// What the part cost.
    pub price: Option<Number>,
    /// The provider's latency.
    pub latency: Option<Number>,
    /// The status left a final one, or two polls overruled the order of dates.
    pub regression: bool,
    /// Only a detail was added to a status that had none.
    pub refined: bool,
    /// How many regressions its part has had by now ([`Part::regressions`]).
    pub regressions: u32,
}

/// What an observation made of a snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff {
    /// What is known now.
    pub snapshot: Snapshot,
    /// The differences, in the order of the observation's parts.
    pub changes: Vec<Change>,
    /// How many parts were told something older than what is known.
    pub stale: u32,
    /// How many parts were dated too far ahead.
    pub clamped: u32,
    /// How many reports were left out because [`Snapshot::MAX_PARTS`] other parts are known.
    pub left_out: u32,
}

/// Compares `observation` with `snapshot`.
///
/// Reports of a part are ordered by their date in whole seconds, then by the status's
/// [rank](Word::rank), then by the lower-cased word; the highest one seen wins, so any order of
/// arrival ends in the same snapshot. A detail is ordered by the date of its status, then by its word.
/// Only two polls that contradict what is known over at least [`AGREEMENT_GAP`] overrule the order: with the
/// same other status, or with another detail of the status.
///
/// Parts are matched by their names, without case. A part that was told without one
/// ([`SmsId::unnamed`]) is matched by its number, and takes the name that a later report tells.
#[must_use]
pub fn diff(snapshot: &Snapshot, observation: &Observation) -> Diff {
    let mut diff = Diff {
        snapshot: snapshot.clone(),
        ..Diff::default()
    };
    let told = observation.facts.part_count.unwrap_or(0);
    diff.snapshot.part_count = diff.snapshot.part_count.max(told);
    for report in &observation.parts {
        diff.report(observation, report);
    }
    diff.snapshot.parts.sort_by(|a, b| {
        let number = |part: &Part| part.number.unwrap_or(u32::MAX);
        number(a)
            .cmp(&number(b))
            .then_with(|| a.sms_id.cmp(&b.sms_id))
    });
    diff
}

impl Diff {
    fn report(&mut self, observation: &Observation, report: &PartReport) {
        let (date, is_clamped) = dated(report.date, observation.observed_at);
        self.clamped += u32::from(is_clamped);
        let parts = &mut self.snapshot.parts;
        let position = matching::find(parts, report);
        if position.is_none() && parts.len() >= Snapshot::MAX_PARTS {
            self.left_out += 1;
            return;
        }
        let previous = position.map(|position| parts[position].status_at());
        let position = position.unwrap_or_else(|| {
            parts.push(first_sight(report, date));
            parts.len() - 1
        });
        let part = &mut parts[position];
        part.number = part.number.max(report.number);

        remember_detail(part, report, date);
        let mut is_overruled = false;
        let order = compare(date, &report.status, part);
        if order.is_gt() {
            part.status = report.status.clone();
            part.date = date;
        } else if order.is_lt() {
            self.stale += 1;
            is_overruled = previous.is_some() && polls_agree(part, observation, report, date);
        }
        let other_detail = other_detail(part, report);
        if let Some(word) = other_detail {
            is_overruled = previous.is_some() && contradicts_long_enough(part, observation, date);
            if is_overruled {
                overrule_detail(part, word.clone(), date);
            }
        }
        let is_agreed = report.status == part.status && other_detail.is_none();
        if observation.source == Source::Poll && (is_overruled || is_agreed) {
            part.candidate = None;
        }

        let current = part.status_at();
        if let Some(change) = change(previous, current, is_overruled, part, report) {
            self.changes.push(change);
        }
    }
}

/// The moment of a status in whole seconds, and whether it had to be taken back to its observation.
fn dated(date: Option<Timestamp>, observed_at: Timestamp) -> (i64, bool) {
    match date {
        Some(date) if date > observed_at + MAX_AHEAD => (observed_at.as_seconds(), true),
        Some(date) => (date.as_seconds(), false),
        None => (observed_at.as_seconds(), false),
    }
}

fn first_sight(report: &PartReport, date: i64) -> Part {
    Part {
        sms_id: report.sms_id.clone(),
        number: report.number,
        status: report.status.clone(),
        date,
        details: Vec::new(),
        candidate: None,
        regressions: 0,
    }
}

/// How a told status stands to the part's own in the order of [`diff`].
fn compare(date: i64, status: &Word, part: &Part) -> Ordering {
    (date, status.rank())
        .cmp(&(part.date, part.status.rank()))
        .then_with(|| status.compare(&part.status))
}

/// The detail that a report tells; one that only repeats the status is none.
fn told_detail(report: &PartReport) -> Option<&Word> {
    let word = report.detailed_status.as_ref();
    word.filter(|word| **word != report.status)
}

/// The detail that a report tells of the part's own status, if the part has kept another one.
fn other_detail<'r>(part: &Part, report: &'r PartReport) -> Option<&'r Word> {
    let told = told_detail(report).filter(|_| report.status == part.status);
    told.filter(|word| part.detailed_status() != Some(*word))
}

/// Takes the detail that polls have told of the part's status in place of the one that was kept.
fn overrule_detail(part: &mut Part, word: Word, date: i64) {
    let current = part.status.clone();
    let known = part
        .details
        .iter_mut()
        .find(|detail| detail.status == current);
    if let Some(known) = known {
        *known = DetailWord {
            status: current,
            word,
            date: date.max(known.date),
        };
        part.regressions = part.regressions.saturating_add(1);
    }
}

/// Keeps the latest detail of the told status, unless it only repeats the status.
fn remember_detail(part: &mut Part, report: &PartReport, date: i64) {
    let Some(word) = told_detail(report) else {
        return;
    };
    let told = DetailWord {
        status: report.status.clone(),
        word: word.clone(),
        date,
    };
    match part
        .details
        .iter_mut()
        .find(|known| known.status == told.status)
    {
        Some(known) => {
            if told
                .date
                .cmp(&known.date)
                .then_with(|| told.word.compare(&known.word))
                .is_gt()
            {
                *known = told;
            }
        }
        None => part.details.push(told),
    }
    part.details.sort_by(|a, b| {
        b.date
            .cmp(&a.date)
            .then_with(|| a.status.compare(&b.status))
    });
    if part.details.len() > Part::MAX_DETAILS {
        let current = part.status.clone();
        let oldest_other = part
            .details
            .iter()
            .rposition(|detail| detail.status != current);
        if let Some(position) = oldest_other {
            part.details.remove(position);
        }
    }
}

/// Whether this poll and an earlier one agree against the stored status long enough to overrule it.
fn polls_agree(part: &mut Part, observation: &Observation, report: &PartReport, date: i64) -> bool {
    if report.status == part.status || !is_contradicted(part, observation, &report.status, date) {
        return false;
    }
    part.status = report.status.clone();
    part.date = date;
    part.regressions = part.regressions.saturating_add(1);
    true
}

/// Whether this poll and an earlier one have contradicted the part's detail long enough to overrule it.
fn contradicts_long_enough(part: &mut Part, observation: &Observation, date: i64) -> bool {
    let current = part.status.clone();
    is_contradicted(part, observation, &current, date)
}

/// Whether an earlier poll contradicted the part with `status` long enough ago. If not, this one is kept
/// until another one comes. A candidate with the part's own status contradicts its detail.
fn is_contradicted(part: &mut Part, observation: &Observation, status: &Word, date: i64) -> bool {
    if observation.source != Source::Poll {
        return false;
    }
    let earlier = part
        .candidate
        .as_ref()
        .filter(|candidate| candidate.status == *status);
    let since = earlier.map_or(observation.observed_at, |candidate| candidate.since);
    if earlier.is_some() && observation.observed_at >= since + AGREEMENT_GAP {
        return true;
    }
    part.candidate = Some(Candidate {
        status: status.clone(),
        date,
        since,
    });
    false
}

fn change(
    previous: Option<StatusAt>,
    current: StatusAt,
    is_overruled: bool,
    part: &Part,
    report: &PartReport,
) -> Option<Change> {
    let is_same = |before: &StatusAt| {
        before.status == current.status && before.detailed_status == current.detailed_status
    };
    if previous.as_ref().is_some_and(is_same) {
        return None;
    }
    let refined = previous
        .as_ref()
        .is_some_and(|before| before.status == current.status && before.detailed_status.is_none());
    let left_final = previous
        .as_ref()
        .is_some_and(|before| before.status.is_final() && before.status != current.status);
    let is_told_here = report.status == current.status;
    Some(Change {
        sms_id: part.sms_id.clone(),
        number: part.number,
        previous,
        current,
        description: report.description.clone().filter(|_| is_told_here),
        price: report.price.clone(),
        latency: report.latency.clone(),
        regression: is_overruled || left_final,
        refined,
        regressions: part.regressions,
    })
}

#[cfg(test)]
mod tests;
