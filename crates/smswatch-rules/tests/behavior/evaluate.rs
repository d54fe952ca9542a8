//! Which notices rules make of events: who hears of what, and once.

use smswatch_core::rules::Rules as _;
use smswatch_model::{Event, EventKind, PreviousStatus, Severity, Timestamp};

use crate::support::{MAY, book, change, deadline, event, part};

/// `rule → sink: positions` for each notice.
fn told(rules: &str, events: &[Event]) -> Vec<String> {
    let notices = book(rules).evaluate(events);
    let line = |notice: &smswatch_core::rules::Notice| {
        format!("{} → {}: {:?}", notice.rule, notice.sink, notice.events)
    };
    notices.iter().map(line).collect()
}

#[test]
fn all_rules_that_match_fire_and_a_sink_hears_once_from_the_first() {
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
fn parts_that_match_one_rule_are_told_together_and_only_what_a_sink_has_not_heard() {
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

/// `Undelivered`, told before, turns out to be a carrier violation.
fn refinement() -> Event {
    let mut refined = Event {
        refined: true,
        ..event()
    };
    refined.previous = Some(PreviousStatus {
        status: "Undelivered".to_owned(),
        detailed_status: None,
        date: Timestamp::from_seconds(MAY),
    });
    refined
}

#[test]
fn a_refinement_is_told_only_by_rules_that_did_not_match_before_it() {
    let rules = "
  - {name: undelivered, match: {status: Undelivered}, notify: [mail]}
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack]}
  - {name: sender, match: {fault: sender}, notify: [crm]}
";
    let mut before = refinement();
    before.refined = false;
    before.previous = None;
    before.fault = smswatch_model::Fault::Carrier;
    before.current.as_mut().expect("a status").detailed_status = None;
    assert_eq!(told(rules, &[before]), ["undelivered → mail: [0]"]);
    assert_eq!(
        told(rules, &[refinement()]),
        ["violation → slack: [0]", "sender → crm: [0]"]
    );
}

#[test]
fn a_rule_that_ends_the_search_keeps_refinements_from_the_rules_below_too() {
    let rules = "
  - {name: quiet, match: {label: order-17}, stop: true}
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack]}
";
    assert_eq!(told(rules, &[refinement()]), [""; 0]);
}

#[test]
fn a_rule_for_refinements_and_an_expression_on_the_detail_hear_of_them() {
    let rules = "
  - {name: refined, match: {refined: true}, notify: [mail]}
  - {name: detail, when: event.current.detailed_status == 'Carrier Violation', notify: [slack]}
  - {name: status, when: event.current.status == 'Undelivered', notify: [crm]}
";
    assert_eq!(
        told(rules, &[refinement()]),
        ["refined → mail: [0]", "detail → slack: [0]"]
    );
}

#[test]
fn a_notice_carries_severity_wishes_and_words() {
    let rules =
        book("  - {name: x, severity: critical, notify: [{sink: slack, channel: '#sms'}, mail]}");
    let notices = rules.evaluate(&[event()]);
    assert_eq!(notices.len(), 2);
    assert_eq!(notices[0].severity, Severity::Critical);
    assert_eq!(notices[0].wishes["channel"], "#sms");
    assert!(notices[1].wishes.is_empty());
    assert_eq!(
        notices[0].title,
        "Carrier Violation: 1 message from MyShop to GR"
    );
    assert_eq!(notices[0].text, notices[1].text);
    assert!(notices[0].group.is_empty());
}

#[test]
fn a_book_tells_its_rules_and_shows_no_wish() {
    let rules = book("  - {name: x, notify: [{sink: slack, channel: '#secret'}]}");
    assert_eq!(
        (rules.len(), rules.names().collect::<Vec<_>>()),
        (1, vec!["x"])
    );
    assert_eq!(format!("{rules:?}"), "[\"x\"]");
}
