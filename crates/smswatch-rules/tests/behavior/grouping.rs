//! Rules that gather events into groups, and rules that tell of each message once.

use std::collections::BTreeMap;

use smswatch_model::{EventKind, MessageId};
use smswatch_plugin::rules::{More, RateBound, RuleMatch, Rules as _, Told, UsualBound};

use crate::support::{change, compiled, deadline, event, notification, part, rule_set, shown};

fn problems(rules: &str) -> String {
    shown(compiled(rules).problems)
}

fn groups(matches: &[RuleMatch]) -> Vec<(&str, &[usize], BTreeMap<String, String>)> {
    let groups = matches.iter();
    groups
        .map(|found| (found.rule.as_str(), &found.events[..], found.group.clone()))
        .collect()
}

#[test]
fn a_match_has_the_values_of_its_group_and_how_it_is_gathered() {
    let rules = rule_set(
        "- name: r\n  group: {by: [country, operator, campaign, message, tags.team], wait: 10s, interval: 1m, max: 8}\n  notify: [crm]\n",
    );
    let matches = rules.matches(&[event()], &Told::default());
    insta::assert_debug_snapshot!(matches);
    assert!(rules.keeps_marks(&event()));
    assert!(!rules.keeps_marks(&deadline(EventKind::GaveUp)));
}

#[test]
fn what_is_left_out_has_its_default() {
    let rules = rule_set("- name: r\n  group: {by: country}\n  notify: [crm]\n");
    let matches = rules.matches(&[event()], &Told::default());
    let gathering = matches[0].gathering.expect("it groups");
    let seconds = [gathering.wait, gathering.interval].map(|span| span.as_secs());
    assert_eq!((seconds, gathering.max), ([30, 300], 50));
}

#[test]
fn events_with_other_values_are_another_group() {
    let rules = rule_set("- name: r\n  group: {by: [status]}\n  notify: [crm]\n");
    let events = [
        part(change(None, "Undelivered", None), 1, 3),
        part(change(None, "Failed", None), 2, 3),
        part(change(None, "Undelivered", None), 3, 3),
    ];
    let status = |word: &str| BTreeMap::from([("status".to_owned(), word.to_owned())]);
    let matches = rules.matches(&events, &Told::default());
    assert_eq!(
        groups(&matches),
        [
            ("r", &[0, 2][..], status("Undelivered")),
            ("r", &[1][..], status("Failed"))
        ]
    );
}

#[test]
fn a_rule_that_told_of_a_message_leaves_it_to_the_rules_below() {
    let rules = rule_set(
        "- name: once\n  once_per: message\n  notify: [crm]\n- name: always\n  notify: [crm]\n",
    );
    let mut told = Told::default();
    let names = |told: &Told| {
        let matches = rules.matches(&[event()], told).into_iter();
        matches
            .map(|found| (found.rule, found.is_once))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&told), [("once".to_owned(), true)]);
    let message = event().message.message_id.expect("it has one");
    told.add_message("once", &message);
    assert_eq!(names(&told), [("always".to_owned(), false)]);
    let other = MessageId::new("another").expect("an id");
    let mut told = Told::default();
    told.add_message("once", &other);
    told.add_message("always", &message);
    assert_eq!(names(&told), [("once".to_owned(), true)]);
}

#[test]
fn of_several_kinds_in_one_observation_one_is_told_once() {
    let rules = rule_set("- name: once\n  event: any\n  once_per: message\n  notify: [crm]\n");
    let events = [
        part(event(), 1, 2),
        part(deadline(EventKind::GaveUp), 2, 2),
        part(event(), 3, 2),
    ];
    let matches = rules.matches(&events, &Told::default());
    assert_eq!(matches.len(), 1);
    assert_eq!(matches[0].events, [0, 2]);
}

#[test]
fn a_rule_explains_its_group_and_that_it_is_used_up() {
    let rules = rule_set(
        "- name: once\n  once_per: message\n  notify: [mail]\n- name: group\n  group: {by: [country, campaign]}\n  notify: [crm]\n- name: all\n  group: {wait: 2m}\n  notify: [slack]\n",
    );
    let mut told = Told::default();
    told.add_message("once", &event().message.message_id.expect("it has one"));
    let verdicts = rules.explain(&event(), &told).into_iter();
    let said: Vec<String> = verdicts
        .map(|verdict| format!("{}: {}", verdict.rule, verdict.because))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn what_a_notification_omits_is_counted_in_its_words() {
    let rules = rule_set("- name: r\n  group: {by: [country]}\n  notify: [crm]\n");
    let mut made = notification("r", &[event()]);
    made.omitted = 7;
    let words = rules.words(&made, "mail");
    insta::assert_snapshot!(format!("{}\n---\n{}", words.title, words.text));
}

#[test]
fn mistakes_in_group_and_once_per_are_shown_where_they_stand() {
    insta::assert_snapshot!(problems(
        "rules:
  - {name: a, notify: [crm], once_per: part}
  - {name: b, notify: [crm], group: country}
  - name: c
    notify: [crm]
    group:
      by: [contry, to, tags, price, tags.team]
      wait: soon
      interval: 0s
      max: 0
      every: 5m
  - {name: d, notify: [crm], group: {max: many, wait: 30d, by: 3}}
"
    ));
}

#[test]
fn a_grouped_rule_that_delays_a_more_severe_one_is_warned_of() {
    insta::assert_snapshot!(problems(
        "rules:
  - {name: digest, match: {status: Undelivered}, group: {by: [country]}, notify: [crm, slack]}
  - {name: urgent, match: {detailed_status: Carrier Violation}, severity: critical, notify: [crm, mail]}
  - {name: same, match: {detailed_status: Expired}, notify: [crm]}
  - {name: sure, match: {status: Failed}, severity: critical, notify: [crm]}
"
    ));
}

const WAITING: &str = "\
- name: undelivered
  event: rate
  count: {status: Undelivered}
  by: [country, operator]
  over: 15m
  above: 8%
  notify: [mail]
- {name: waits, match: {status: Undelivered}, unless_firing: undelivered, notify: [crm, slack]}
- {name: rest, match: {status: Undelivered}, notify: [crm]}
";

#[test]
fn a_rule_that_waits_for_an_alert_names_the_rate_for_the_values_of_the_event() {
    let rules = rule_set(WAITING);
    let awaited = rules.unless_firing(&event());
    assert_eq!(awaited.len(), 1);
    assert_eq!(awaited[0].rule, "waits");
    let values = [("country", "GR"), ("operator", "Example Mobile")];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(awaited[0].rate.values, BTreeMap::from(values));
    assert_eq!(awaited[0].rate.rule, "undelivered");
    let other = rules.unless_firing(&change(None, "Delivered", None));
    assert_eq!(other, []);
}

#[test]
fn what_is_held_back_from_a_destination_a_rule_below_tells_it() {
    let rules = rule_set(WAITING);
    let mut told = Told::default();
    told.hold_back("waits", "crm", &event().event_id);
    let matches = rules.matches(&[event()], &told).into_iter();
    let matches: Vec<_> = matches.map(|found| (found.rule, found.sink)).collect();
    let expected = [("waits", "slack"), ("rest", "crm")];
    assert_eq!(
        matches,
        expected.map(|(rule, sink)| (rule.to_owned(), sink.to_owned()))
    );
}

#[test]
fn a_rule_explains_what_can_hold_it_back() {
    let rules = rule_set(&format!(
        "{WAITING}- {{name: few, throttle: {{at_most: 5, per: 1h}}, notify: [mail]}}\n"
    ));
    let verdicts = rules.explain(&event(), &Told::default()).into_iter();
    let said: Vec<String> = verdicts
        .map(|verdict| format!("{}: {}", verdict.rule, verdict.because))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_bound_can_follow_the_usual() {
    for (written, more) in [
        ("usual × 3", More::Times(3.0)),
        ("usual x 2.5", More::Times(2.5)),
        ("usual * 3", More::Times(3.0)),
        ("usual + 5 points", More::Points(5.0)),
        ("usual + 1 point", More::Points(1.0)),
    ] {
        let rules = rule_set(&format!(
            "- {{name: r, event: rate, count: {{final: true}}, over: 5m, above: {written}, notify: [crm]}}\n"
        ));
        let settings = rules.rate_settings("r").expect("it is a rate");
        let clears = true;
        assert_eq!(
            settings.usual,
            Some(UsualBound { more, clears }),
            "{written}"
        );
        assert_eq!(settings.above, RateBound::Percent(10.0));
    }
}
