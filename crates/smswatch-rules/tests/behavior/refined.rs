//! Who is notified of an event that only adds a detail: whoever was not told before it, as a fact.

use smswatch_model::{Event, EventId, Fault, Outcome, PreviousStatus, Timestamp};
use smswatch_plugin::rules::{Rules as _, Told};

use crate::notify::lines;
use crate::support::{MAY, event, part, rule_set};

/// A part is `Undelivered`, and nothing more is known.
fn unrefined() -> Event {
    let mut before = Event {
        event_id: EventId::new("evt_unrefined").expect("an id"),
        fault: Some(Fault::Carrier),
        ..event()
    };
    before.current.as_mut().expect("a status").detailed_status = None;
    before
}

/// It turns out to be a carrier violation.
fn refined() -> Event {
    Event {
        refined: true,
        refines: Some(unrefined().event_id),
        previous: Some(PreviousStatus {
            status: "Undelivered".to_owned(),
            detailed_status: None,
            date: Timestamp::from_seconds(MAY),
        }),
        ..event()
    }
}

/// What the rules tell of each of the events, which come one after the other.
fn story(rules: &str, events: &[Event]) -> Vec<Vec<String>> {
    let rules = rule_set(rules);
    let mut told = Told::default();
    let told_of = |event: &Event| {
        let matches = rules.matches(std::slice::from_ref(event), &told);
        for rule_match in &matches {
            told.add(
                &rule_match.rule,
                &rule_match.sink,
                &rule_match.overrides,
                &event.event_id,
            );
        }
        lines(&matches)
    };
    events.iter().map(told_of).collect()
}

#[test]
fn a_rule_that_told_a_destination_before_the_detail_was_known_does_not_tell_it_again() {
    let rules = "
  - {name: undelivered, match: {status: Undelivered}, notify: [mail]}
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack]}
  - {name: sender, match: {fault: sender}, notify: [crm]}
";
    assert_eq!(
        story(rules, &[unrefined(), refined()]),
        [
            vec!["undelivered → mail: [0]"],
            vec!["violation → slack: [0]", "sender → crm: [0]"]
        ]
    );
}

#[test]
fn an_outcome_that_was_pending_then_hides_no_status_now() {
    let rules = "  - {name: failed, match: {status: Undelivered, outcome: failed}, notify: [mail]}";
    let mut before = part(unrefined(), 1, 2);
    before.message.outcome = Some(Outcome::Pending);
    let after = Event {
        refines: Some(before.event_id.clone()),
        ..part(refined(), 1, 2)
    };
    assert_eq!(
        story(rules, &[before, after]),
        [vec![], vec!["failed → mail: [0]"]]
    );
}

#[test]
fn what_came_to_be_known_of_the_message_meanwhile_hides_no_status() {
    type Change = fn(&mut Event);
    let changes: [(&str, Change); 6] = [
        ("tags.team: crm", |event| event.message.tags.clear()),
        ("country: GR", |event| event.message.country = None),
        ("operator: '*mobile'", |event| event.message.operator = None),
        ("label: 'order-*'", |event| event.message.label = None),
        ("late: false", |event| event.late = true),
        ("source: poll", |event| {
            event.source = Some(smswatch_model::Source::Callback);
        }),
    ];
    for (key, change) in changes {
        let rules =
            format!("  - {{name: x, match: {{status: Undelivered, {key}}}, notify: [mail]}}");
        let mut before = unrefined();
        change(&mut before);
        let told = story(&rules, &[before, refined()]);
        assert_eq!(told, [vec![], vec!["x → mail: [0]"]], "{key}");
    }
}

#[test]
fn a_status_that_came_back_and_was_refined_then_is_told() {
    let rules =
        "  - {name: x, match: {status: Undelivered}, when: event.sequence != 5, notify: [mail]}";
    let came_back = Event {
        event_id: EventId::new("evt_came_back").expect("an id"),
        sequence: 5,
        ..unrefined()
    };
    let then = Event {
        refines: Some(came_back.event_id.clone()),
        ..refined()
    };
    assert_eq!(
        story(rules, &[unrefined(), came_back, then]),
        [vec!["x → mail: [0]"], vec![], vec!["x → mail: [0]"]],
        "that it was told long before says nothing about this time"
    );
}

#[test]
fn what_was_told_to_one_channel_is_news_to_another() {
    let rules = "
  - {name: x, match: {status: Undelivered}, notify: [{sink: slack, channel: '#a'}]}
  - {name: y, match: {detailed_status: Carrier Violation}, notify: [{sink: slack, channel: '#b'}]}
";
    assert_eq!(
        story(rules, &[unrefined(), refined()]),
        [vec!["x → slack#a: [0]"], vec!["y → slack#b: [0]"]]
    );
}

#[test]
fn who_was_told_by_one_rule_is_told_of_the_detail_by_a_rule_below() {
    let rules = "
  - {name: undelivered, match: {status: Undelivered}, notify: [slack]}
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack, mail]}
";
    assert_eq!(
        story(rules, &[unrefined(), refined()]),
        [
            vec!["undelivered → slack: [0]"],
            vec!["violation → slack: [0]", "violation → mail: [0]"]
        ]
    );
}

#[test]
fn a_rule_that_ends_the_search_does_so_for_refined_events_too() {
    let rules = "
  - {name: quiet, match: {label: order-17}, stop: true}
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack]}
";
    assert_eq!(story(rules, &[refined()]), [[""; 0]]);
    let rules = "
  - {name: undelivered, match: {status: Undelivered}, notify: [mail], stop: true}
  - {name: violation, match: {detailed_status: Carrier Violation}, notify: [slack]}
";
    assert_eq!(
        story(rules, &[unrefined(), refined()]),
        [vec!["undelivered → mail: [0]"], vec![]]
    );
}

#[test]
fn both_in_one_observation_are_told_once() {
    let rules = rule_set("  - {name: x, match: {status: Undelivered}, notify: [mail]}");
    let matches = rules.matches(&[unrefined(), refined()], &Told::default());
    assert_eq!(lines(&matches), ["x → mail: [0]"]);
}

#[test]
fn what_was_logged_before_events_named_what_they_refine_is_read_as_it_was_told() {
    let rules = rule_set("  - {name: x, match: {status: Undelivered}, notify: [mail]}");
    let old = Event {
        refines: None,
        after: None,
        alert: None,
        ..refined()
    };
    let before = old.refined_event().expect("it can be derived");
    let mut told = Told::default();
    assert_eq!(rules.matches(std::slice::from_ref(&old), &told).len(), 1);
    told.add("x", "mail", &smswatch_model::Overrides::new(), &before);
    assert_eq!(rules.matches(&[old], &told), []);
}
