//! Says which notification belongs to which incident, and what of an incident was told, when and how.

use std::collections::{BTreeMap, BTreeSet};

use smswatch_model::{AlertState, Fault, Notification, Severity};

use super::Options;
use super::incident::{Incident, Kind};
use super::letter::Letter;
use super::provider::DayProvider;
use super::recorder::Told;
use super::report::{IncidentReport, Report, clock};

/// How many messages must show an incident before it can be seen.
const SEEN_BY: usize = 5;

/// How long after its end an incident may still be told of: its failures are in the windows of rates, and in groups.
const ECHO: u32 = 3600;

/// Judges what was told of a day.
pub(super) fn judge(
    options: &Options,
    incidents: &[Incident],
    provider: &DayProvider,
    told: &[Told],
) -> Report {
    let letters = provider.letters().clone();
    let owners: Vec<Option<usize>> = told
        .iter()
        .map(|told| owner(incidents, provider, told))
        .collect();
    let mut report = Report::new(options);
    report.messages = letters.len();
    report.bad_messages = letters.iter().filter(|letter| letter.is_bad()).count();
    for (position, incident) in incidents.iter().enumerate() {
        let of_it = told.iter().zip(&owners);
        let of_it = of_it.filter(|(_, owner)| **owner == Some(position));
        let of_it: Vec<&Told> = of_it.map(|(told, _)| told).collect();
        let found = find(options, position, incident, &letters, &of_it);
        report.incidents.push(found);
    }
    for (told, owner) in told.iter().zip(&owners) {
        let hour = (u64::from(options.begins()) + told.at.as_secs()) / 3600 % 24;
        let of_hour = report.by_hour.entry(hour).or_default();
        *of_hour.entry(told.sink.to_owned()).or_default() += 1;
        *report.by_sink.entry(told.sink.to_owned()).or_default() += 1;
        let rule = report.by_rule.entry(told.notification.rule.clone());
        *rule.or_default() += 1;
        if owner.is_none() && told.notification.severity > Severity::Info {
            let at = clock(options, told.at);
            let line = format!("{at} {}: {}", told.sink, told.notification.title);
            report.false_alarms.push(line);
        }
    }
    report
}

/// The incident that a notification tells of. An alert of a rate belongs to one if it names its place in its time;
/// another notification if at least half of its messages suffer from it. What is for information only tells of none.
fn owner(incidents: &[Incident], provider: &DayProvider, told: &Told) -> Option<usize> {
    let notification = &told.notification;
    if notification.severity == Severity::Info {
        return None;
    }
    if let Some(alert) = &notification.alert {
        let at = u32::try_from(told.at.as_secs()).unwrap_or(u32::MAX);
        return incidents.iter().position(|incident| {
            let is_there = alert
                .by
                .iter()
                .all(|(key, value)| incident.place.get(key.as_str()) == Some(value));
            let is_then = (incident.from..incident.until + ECHO).contains(&at);
            !alert.by.is_empty() && is_there && is_then
        });
    }
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let messages: BTreeSet<_> = notification
        .events
        .iter()
        .filter_map(|event| event.message.message_id.as_ref())
        .collect();
    let suffering = messages
        .iter()
        .filter_map(|id| provider.find(id)?.1.incident);
    for incident in suffering {
        *counts.entry(usize::from(incident)).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.filter(|(_, count)| count * 2 >= messages.len())
        .map(|(incident, _)| incident)
}

/// What was told of an incident.
fn find(
    options: &Options,
    position: usize,
    incident: &Incident,
    letters: &[Letter],
    told: &[&Told],
) -> IncidentReport {
    let of_it = letters
        .iter()
        .filter(|letter| letter.incident.map(usize::from) == Some(position));
    let mut shows: Vec<u32> = of_it.map(|letter| incident.shows(letter)).collect();
    shows.sort_unstable();
    let seen = shows.get(SEEN_BY - 1).copied().unwrap_or(u32::MAX);
    let is_news = |told: &&&Told| {
        let alert = told.notification.alert.as_ref();
        alert.is_none_or(|alert| alert.state == AlertState::Firing)
    };
    let first = told.iter().find(is_news);
    let faults: BTreeSet<&str> = told
        .iter()
        .filter(is_news)
        .flat_map(|told| faults(&told.notification, incident.kind))
        .collect();
    let mut in_common = BTreeSet::new();
    for told in told {
        let place = told.notification.group.iter();
        in_common.extend(place.map(|(key, value)| format!("{key} {value}")));
        let common = told.notification.common.iter();
        in_common.extend(common.map(|common| match common.key.as_str() {
            "body_key" => "the same text".to_owned(),
            key => format!("{key} {}", common.value),
        }));
    }
    let millis = |told: &&Told| i64::try_from(told.at.as_millis()).unwrap_or(i64::MAX);
    let place = incident.place.iter();
    IncidentReport {
        incident: incident.kind.name(),
        place: place
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        messages: shows.len(),
        seen_at: clock(options, std::time::Duration::from_millis(u64::from(seen))),
        told_after_seconds: first.map(|told| (millis(told) - i64::from(seen)).div_euclid(1000)),
        rule: first.map(|told| told.notification.rule.clone()),
        fault: word(incident.kind.fault()),
        faults_named: faults.into_iter().collect(),
        in_common: in_common.into_iter().collect(),
        notifications: told.len(),
    }
}

fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Sender => "sender",
        Fault::Recipient => "recipient",
        Fault::Carrier => "carrier",
        Fault::None => "none",
    }
}

/// Whose fault a notification says it is. Events say so; of an alert it is whom its text names.
fn faults(notification: &Notification, kind: Kind) -> Vec<&'static str> {
    if notification.alert.is_none() {
        let events = notification.events.iter();
        return events.filter_map(|event| event.fault.map(word)).collect();
    }
    let text = notification.text.to_lowercase();
    let named = [Fault::Sender, Fault::Recipient, Fault::Carrier].map(word);
    let named: Vec<_> = named
        .into_iter()
        .filter(|name| text.contains(name))
        .collect();
    if named.is_empty() && kind == Kind::Stuck {
        return vec![word(Fault::None)];
    }
    named
}
