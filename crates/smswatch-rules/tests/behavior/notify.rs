//! Which rule tells whom of which events, and each destination once.

use smswatch_model::{Event, EventKind, Severity};
use smswatch_plugin::rules::{RuleMatch, Rules as _, Told};

use crate::support::{change, deadline, event, part, rule_set};

/// `rule → sink: positions` for each match.
fn told(rules: &str, events: &[Event]) -> Vec<String> {
    lines(&rule_set(rules).matches(events, &Told::default()))
}

pub(crate) fn lines(matches: &[RuleMatch]) -> Vec<String> {
    let line = |rule_match: &RuleMatch| {
        let channel = rule_match
            .overrides
            .get("channel")
            .and_then(|channel| channel.as_str());
        let (rule, sink) = (&rule_match.rule, &rule_match.sink);
        format!(
            "{rule} → {sink}{}: {:?}",
            channel.unwrap_or_default(),
            rule_match.events
        )
    };
    matches.iter().map(line).collect()
}

#[test]
fn two_channels_of_one_sink_are_two_destinations_and_each_is_notified_once() {
    let rules = "
  - {name: both, notify: [{sink: slack, channel: '#a'}, {sink: slack, channel: '#b'}]}
  - {name: plain, match: {status: Undelivered}, notify: [slack, mail]}
  - {name: again, match: {country: GR}, notify: [{sink: slack, channel: '#b'}, {sink: slack, channel: '#c'}]}
";
    assert_eq!(
        told(rules, &[event()]),
        [
            "both → slack#a: [0]",
            "both → slack#b: [0]",
            "plain → slack: [0]",
            "plain → mail: [0]",
            "again → slack#c: [0]"
        ]
    );
}

#[test]
fn the_order_of_keys_makes_no_other_destination() {
    let rules = "
  - {name: one, match: {status: Undelivered}, notify: [{sink: slack, channel: '#a', mention: ['@here']}]}
  - {name: two, match: {country: GR}, notify: [{mention: ['@here'], sink: slack, channel: '#a'}]}
";
    assert_eq!(told(rules, &[event()]), ["one → slack#a: [0]"]);
}

#[test]
fn a_rule_can_be_about_several_kinds_of_events_or_any() {
    let events = [
        event(),
        deadline(EventKind::GaveUp),
        deadline(EventKind::NotFound),
    ];
    let rules = "
  - {name: ends, event: [gave_up, not_found], notify: [mail]}
  - {name: archive, event: any, notify: [crm]}
";
    assert_eq!(
        told(rules, &events),
        [
            "ends → mail: [1]",
            "ends → mail: [2]",
            "archive → crm: [0]",
            "archive → crm: [1]",
            "archive → crm: [2]"
        ],
        "and what is told together is of one kind"
    );
    for kind in EventKind::ALL {
        let told = told(
            "  - {name: all, event: any, notify: [mail, crm]}",
            &[deadline(kind)],
        );
        assert_eq!(told.is_empty(), kind == EventKind::Test, "{kind}");
    }
}

#[test]
fn all_rules_that_match_fire_and_a_sink_is_notified_once_by_the_first() {
    let rules = "
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [mail, slack]}
  - {name: failed, match: {status: Failed}, notify: [mail]}
  - {name: undelivered, match: {status: Undelivered}, notify: [slack, crm]}
  - {name: archive, match: {country: '*'}, notify: [crm]}
";
    assert_eq!(
        told(rules, &[event()]),
        [
            "violation → mail: [0]",
            "violation → slack: [0]",
            "undelivered → crm: [0]"
        ]
    );
}

#[test]
fn parts_that_match_one_rule_are_told_together_and_only_those_that_are_new_to_a_sink() {
    let violation = part(event(), 1, 2);
    let unknown_number = part(
        change(Some("Sent"), "Undelivered", Some("Unknown Number")),
        2,
        2,
    );
    let rules = "
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack]}
  - {name: undelivered, match: {status: Undelivered}, notify: [mail, slack]}
";
    assert_eq!(
        told(rules, &[violation, unknown_number]),
        [
            "violation → slack: [0]",
            "undelivered → mail: [0, 1]",
            "undelivered → slack: [1]"
        ]
    );
}

#[test]
fn stop_ends_the_search_for_the_events_it_matched() {
    let sent = part(change(Some("Queued"), "Sent", None), 1, 2);
    let failed = part(change(Some("Queued"), "Failed", None), 2, 2);
    let rules = "
  - {name: boring, match: {status: Sent}, stop: true}
  - {name: all, notify: [mail]}
";
    assert_eq!(told(rules, &[sent, failed]), ["all → mail: [1]"]);
}

#[test]
fn what_happened_before_anybody_asked_and_tests_are_not_told() {
    let backfill = Event {
        backfill: true,
        ..event()
    };
    assert_eq!(
        told("  - {name: all, notify: [mail]}", &[backfill]),
        [""; 0]
    );
    assert_eq!(
        told(
            "  - {name: all, notify: [mail]}",
            &[deadline(EventKind::Test)]
        ),
        [""; 0]
    );
    assert_eq!(told("  - {name: all, notify: [mail]}", &[]), [""; 0]);
}

#[test]
fn kinds_are_never_told_together() {
    let rules = "
  - {name: changes, notify: [mail]}
  - {name: ends, event: gave_up, notify: [mail]}
";
    assert_eq!(
        told(rules, &[event(), deadline(EventKind::GaveUp)]),
        ["changes → mail: [0]", "ends → mail: [1]"]
    );
}

#[test]
fn a_match_carries_severity_and_overrides() {
    let rules = rule_set(
        "  - {name: x, severity: critical, notify: [{sink: slack, channel: '#sms'}, mail]}",
    );
    let matches = rules.matches(&[event()], &Told::default());
    assert_eq!(matches.len(), 2);
    assert_eq!(matches[0].severity, Severity::Critical);
    assert_eq!(matches[0].overrides["channel"], "#sms");
    assert!(matches[1].overrides.is_empty());
    assert!(matches[0].group.is_empty());
}

#[test]
fn a_rule_set_names_its_rules_and_shows_no_override() {
    let rules = rule_set("  - {name: x, notify: [{sink: slack, channel: '#secret'}]}");
    assert_eq!(
        (rules.len(), rules.names().collect::<Vec<_>>()),
        (1, vec!["x"])
    );
    assert_eq!(format!("{rules:?}"), "[\"x\"]");
}
