//! What a day came to, as a table for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Options;

/// How long after it could first be seen an incident must have been told, in seconds.
const TELL_WITHIN: i64 = 120;

/// How many notifications a day may have.
const MOST_NOTIFICATIONS: usize = 40;

/// What was told of one incident.
#[derive(Debug, Serialize)]
pub struct IncidentReport {
    /// What a person calls it.
    pub incident: &'static str,
    /// Where it was.
    pub place: String,
    /// How many messages suffered from it.
    pub messages: usize,
    /// From which time of the day on it could be seen.
    pub seen_at: String,
    /// How long after that the first person was told; below zero if a single message said it all before; `None`
    /// if nobody was told.
    pub told_after_seconds: Option<i64>,
    /// The rule that told it first.
    pub rule: Option<String>,
    /// Whose fault it is.
    pub fault: &'static str,
    /// Whose fault was named.
    pub faults_named: Vec<&'static str>,
    /// What its messages were said to have in common.
    pub in_common: Vec<String>,
    /// How many notifications told of it, the ends of alerts included.
    pub notifications: usize,
}

impl IncidentReport {
    /// Whether it was told soon enough.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told_after_seconds
            .is_some_and(|after| after <= TELL_WITHIN)
    }

    /// Whether the right fault was named, and no other.
    #[must_use]
    pub fn is_fault_right(&self) -> bool {
        self.faults_named == [self.fault]
    }
}

/// What a day came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What everything followed from.
    pub seed: u64,
    /// How many hours were played.
    pub hours: u32,
    /// How many messages were sent.
    pub messages: usize,
    /// How many of them did not arrive as they should.
    pub bad_messages: usize,
    /// The incidents.
    pub incidents: Vec<IncidentReport>,
    /// How many notifications each sink got.
    pub by_sink: BTreeMap<String, usize>,
    /// How many notifications each rule made.
    pub by_rule: BTreeMap<String, usize>,
    /// How many notifications each sink got in which hour, in UTC.
    pub by_hour: BTreeMap<u64, BTreeMap<String, usize>>,
    /// Notifications of at least `warning` that belong to no incident.
    pub false_alarms: Vec<String>,
}

impl Report {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            hours: options.hours,
            messages: 0,
            bad_messages: 0,
            incidents: Vec::new(),
            by_sink: BTreeMap::new(),
            by_rule: BTreeMap::new(),
            by_hour: BTreeMap::new(),
            false_alarms: Vec::new(),
        }
    }

    /// How many notifications there were in all.
    #[must_use]
    pub fn notifications(&self) -> usize {
        self.by_sink.values().sum()
    }

    /// Whether each incident was told soon with the right fault, in few notifications, and nothing else was.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.incidents
            .iter()
            .all(|incident| incident.is_told() && incident.is_fault_right())
            && self.notifications() <= MOST_NOTIFICATIONS
            && self.false_alarms.is_empty()
    }
}

/// The time of the day, in UTC, this long after the beginning.
pub(super) fn clock(options: &Options, after: Duration) -> String {
    let seconds = u64::from(options.begins()) + after.as_secs();
    let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
    format!("{hour:02}:{minute:02}:{:02}", seconds % 60)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "A day of {} hours, {} messages, seed {}\n",
            self.hours, self.messages, self.seed
        )?;
        writeln!(
            f,
            "| incident | where | messages | seen at | told | rule | fault | in common | notifications |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for incident in &self.incidents {
            let told = match incident.told_after_seconds {
                None => "MISSED".to_owned(),
                Some(after) if after < 0 => format!("{} s before", -after),
                Some(after) if after > TELL_WITHIN => format!("LATE: after {after} s"),
                Some(after) => format!("after {after} s"),
            };
            let named = incident.faults_named.join(", ");
            let fault = if incident.is_fault_right() {
                named
            } else {
                format!("WRONG: {named}, not {}", incident.fault)
            };
            writeln!(
                f,
                "| {} | {} | {} | {} | {told} | {} | {fault} | {} | {} |",
                incident.incident,
                incident.place,
                incident.messages,
                incident.seen_at,
                incident.rule.as_deref().unwrap_or(""),
                incident.in_common.join(", "),
                incident.notifications,
            )?;
        }
        let counts = |counts: &BTreeMap<String, usize>| {
            let counts = counts.iter();
            let counts: Vec<_> = counts
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            counts.join(", ")
        };
        let (all, bad) = (self.notifications(), self.bad_messages);
        let verdict = if all > MOST_NOTIFICATIONS {
            ": TOO MANY"
        } else {
            ""
        };
        writeln!(
            f,
            "\n{all} notifications (at most {MOST_NOTIFICATIONS}){verdict}, instead of {bad} with one for each bad message"
        )?;
        writeln!(f, "By sink: {}", counts(&self.by_sink))?;
        writeln!(f, "By rule: {}", counts(&self.by_rule))?;
        for (hour, sinks) in &self.by_hour {
            writeln!(f, "{hour:02}:00  {}", counts(sinks))?;
        }
        writeln!(f, "False alarms: {}", self.false_alarms.len())?;
        for alarm in &self.false_alarms {
            writeln!(f, "  {alarm}")?;
        }
        Ok(())
    }
}
