//! Compares the notifications of a scenario with those that were expected.

use std::time::Duration;

use serde::Serialize;
use smswatch_core::rehearsal::Rehearsed;
use smswatch_plugin::model::Timestamp;
use smswatch_rules::{Span, TextPattern};

use super::play::lateness;
use super::scenario::Expected;

/// A notification of a scenario.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Notified {
    /// When, counted from the beginning.
    #[serde(serialize_with = "in_words")]
    pub(super) at: Duration,
    pub(super) rule: String,
    pub(super) sink: String,
    pub(super) severity: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    /// By what it is held back; `None` if it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held_back: Option<String>,
}

impl Notified {
    /// A notification of a scenario that began at `begin`.
    pub(super) fn new(rehearsed: Rehearsed, begin: Timestamp) -> Self {
        let notification = rehearsed.notification;
        Self {
            held_back: rehearsed.held_back.map(|reason| reason.to_string()),
            at: rehearsed.at.since(begin),
            rule: notification.rule,
            sink: rehearsed.sink,
            severity: notification.severity.as_str(),
            title: notification.title,
            text: notification.text,
        }
    }
}

/// What differs between what was expected and what was notified.
#[derive(Debug, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub(super) enum Difference {
    /// Nothing like it was notified.
    Missing {
        /// What was expected, in words.
        expected: String,
    },
    /// Nothing like it was expected.
    Unexpected { notified: Notified },
    /// It was notified otherwise.
    Different {
        notified: Notified,
        fields: Vec<Field>,
    },
}

/// A field in which both differ.
#[derive(Debug, Serialize)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) expected: String,
    pub(super) was: String,
}

/// What differs, in the order of the time; nothing if all is as expected.
pub(super) fn compare(expected: &[Expected], notified: &[Notified]) -> Vec<Difference> {
    let mut unused: Vec<&Notified> = notified.iter().collect();
    let mut unmet: Vec<&Expected> = Vec::new();
    // Those that are met as they stand come first, so that they are not taken for others.
    for expected in expected {
        let met = unused
            .iter()
            .position(|notified| fields(expected, notified).is_empty());
        match met {
            Some(place) => {
                unused.remove(place);
            }
            None => unmet.push(expected),
        }
    }
    let mut differences = Vec::new();
    for expected in unmet {
        let near = unused
            .iter()
            .enumerate()
            .filter(|(_, notified)| is_near(expected, notified));
        let nearest = near.min_by_key(|(_, notified)| fields(expected, notified).len());
        let nearest = nearest.map(|(place, _)| place);
        differences.push(match nearest {
            Some(place) => {
                let notified = unused.remove(place).clone();
                Difference::Different {
                    fields: fields(expected, &notified),
                    notified,
                }
            }
            None => Difference::Missing {
                expected: in_a_line(expected),
            },
        });
    }
    let unexpected = unused.into_iter();
    let unexpected = unexpected.filter(|notified| notified.held_back.is_none());
    let unexpected = unexpected.cloned();
    differences.extend(unexpected.map(|notified| Difference::Unexpected { notified }));
    differences
}

/// Whether it may be what was meant: it says so itself of the rule or the sink.
fn is_near(expected: &Expected, notified: &Notified) -> bool {
    let says = |wanted: &Option<String>, found: &str| wanted.as_deref() == Some(found);
    match (&expected.rule, &expected.sink) {
        (None, None) => true,
        (Some(rule), Some(_)) => *rule == notified.rule,
        (rule, sink) => says(rule, &notified.rule) || says(sink, &notified.sink),
    }
}

/// The fields in which a notification is not as expected.
fn fields(expected: &Expected, notified: &Notified) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut differ = |name, expected: &str, was: &str| {
        fields.push(Field {
            name,
            expected: expected.to_owned(),
            was: was.to_owned(),
        });
    };
    for (name, wanted, was) in [
        ("rule", &expected.rule, &notified.rule),
        ("sink", &expected.sink, &notified.sink),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != was) {
            differ(name, wanted, was);
        }
    }
    if let Some(at) = expected.at.map(Span::duration) {
        let is_then = notified.at >= at && notified.at <= at + lateness(at);
        if !is_then {
            differ("at", &instant(at), &instant(notified.at));
        }
    }
    if let Some(severity) = expected
        .severity
        .filter(|wanted| wanted.as_str() != notified.severity)
    {
        differ("severity", severity.as_str(), notified.severity);
    }
    let held_back = notified.held_back.as_deref().unwrap_or("nothing");
    if expected.held_back.is_none() && notified.held_back.is_some() {
        differ("held_back", "nothing", held_back);
    }
    for (name, wanted, was) in [
        ("title", &expected.title, notified.title.as_str()),
        ("text", &expected.text, &notified.text),
        ("held_back", &expected.held_back, held_back),
    ] {
        let Some(wanted) = wanted else { continue };
        // The file was refused if this is no pattern.
        let fits = TextPattern::new(wanted).is_ok_and(|pattern| pattern.matches(was));
        if !fits {
            differ(name, wanted, was);
        }
    }
    fields
}

/// `carrier-violation to ops-slack at 4s`, as far as it is said.
fn in_a_line(expected: &Expected) -> String {
    let rule = expected.rule.as_deref().unwrap_or("any rule");
    let sink = expected.sink.as_deref().unwrap_or("any sink");
    let mut line = format!("{rule} to {sink}");
    if let Some(at) = expected.at {
        line.push_str(&format!(" at {}", instant(at.duration())));
    }
    for (name, pattern) in [
        ("title", &expected.title),
        ("text", &expected.text),
        ("held back by", &expected.held_back),
    ] {
        if let Some(pattern) = pattern {
            line.push_str(&format!(", {name} `{}`", pattern.trim_end()));
        }
    }
    line
}

/// `4s`, `2m5s`, `1h`, `0.25s`.
pub(super) fn instant(at: Duration) -> String {
    let seconds = at.as_secs();
    if seconds < 60 {
        let millis = at.subsec_millis();
        return match millis {
            0 => format!("{seconds}s"),
            _ => format!("{seconds}.{millis:03}s"),
        };
    }
    let units = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let units = units.iter().filter(|(amount, _)| *amount > 0);
    units
        .map(|(amount, unit)| format!("{amount}{unit}"))
        .collect()
}

fn in_words<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant(*at))
}
