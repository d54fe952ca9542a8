//! What holds of all rules and all events.

use std::collections::BTreeSet;

use proptest::prelude::*;
use smswatch_model::Event;
use smswatch_plugin::rules::{RuleMatch, Rules as _, Told};

use crate::support::{change, part, rule_set};

fn status() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Queued",
        "Sent",
        "Delivered",
        "Undelivered",
        "Failed",
        "Buffered",
    ])
}

fn detail() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(vec![
        "Carrier Violation",
        "Unknown Number",
        "Expired",
    ]))
}

fn some_event() -> impl Strategy<Value = Event> {
    let label = prop::option::of("[a-cA-CäÄ]{0,3}");
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (prop::option::of(status()), status(), detail(), label, flags).prop_map(
        |(previous, status, detail, label, (refined, late, backfill))| {
            let refined = refined && detail.is_some() && previous == Some(status);
            let before = smswatch_model::EventId::new("evt_before").expect("an id");
            let mut event = Event {
                refined,
                refines: refined.then_some(before),
                late,
                backfill,
                ..change(previous, status, detail)
            };
            event.message.label = label;
            event
        },
    )
}

fn some_events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(some_event(), 0..5).prop_map(|events| {
        let numbered = (1..).zip(events);
        numbered
            .map(|(number, event)| part(event, number, 5))
            .collect()
    })
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-cA-C]{1,3}",
        "[a-c]{0,2}\\*[a-c]{0,1}",
        "/[a-c]{1,2}/",
        "/\\^[ab]\\+/"
    ]
}

/// A rule with a random `match`, sinks and `stop`.
fn some_rule() -> impl Strategy<Value = String> {
    let matching = prop_oneof![
        Just(String::new()),
        status().prop_map(|status| format!("status: {status}")),
        status().prop_map(|status| format!("status: '!{status}'")),
        detail().prop_map(|detail| format!("detailed_status: '{}'", detail.unwrap_or_default())),
        pattern().prop_map(|pattern| format!("label: '{pattern}'")),
        ("[a-cÄ]{1,2}", "[a-cä]{1,2}", status()).prop_map(|(one, other, status)| {
            format!("label: ['{one}', '{other}', '{other}'], status: {status}")
        }),
        any::<bool>().prop_map(|late| format!("late: {late}")),
    ];
    let destinations = vec![
        "mail",
        "slack",
        "{sink: slack, channel: a}",
        "{channel: b, sink: slack}",
    ];
    let sinks = prop::sample::subsequence(destinations, 1..=4);
    (matching, sinks, any::<bool>()).prop_map(|(matching, sinks, stop)| {
        format!(
            "match: {{{matching}}}, notify: [{}], stop: {stop}",
            sinks.join(", ")
        )
    })
}

/// Rules in a row; that one shadows another is a warning, and no matter here.
fn matches_of(rules: &[String], events: &[Event]) -> Vec<RuleMatch> {
    let numbered = rules.iter().enumerate();
    let list: String = numbered
        .map(|(number, rule)| format!("  - {{name: r{number}, {rule}}}\n"))
        .collect();
    let compiled = crate::support::compiled(&format!("rules:\n{list}"));
    compiled
        .into_result()
        .map_err(crate::support::shown)
        .expect("no error")
        .0
        .matches(events, &Told::default())
}

proptest! {
    #[test]
    fn no_destination_is_told_of_an_event_twice_and_every_match_has_events_in_order(
        rules in prop::collection::vec(some_rule(), 1..6),
        events in some_events(),
    ) {
        let matches = matches_of(&rules, &events);
        let mut heard = BTreeSet::new();
        for rule_match in &matches {
            prop_assert!(!rule_match.events.is_empty());
            prop_assert!(rule_match.events.is_sorted());
            for event in &rule_match.events {
                prop_assert!(!events[*event].backfill);
                let destination = smswatch_model::destination(&rule_match.sink, &rule_match.overrides);
                prop_assert!(heard.insert((destination, *event)), "{matches:?}");
            }
        }
        prop_assert_eq!(&matches, &matches_of(&rules, &events), "the same events, the same matches");
    }

    #[test]
    fn an_event_is_told_to_the_same_sinks_alone_as_among_others(
        rules in prop::collection::vec(some_rule(), 1..5),
        events in some_events(),
    ) {
        let together = matches_of(&rules, &events);
        for (position, event) in events.iter().enumerate() {
            let told = |matches: &[RuleMatch], position: usize| {
                let matches = matches.iter().filter(|rule_match| rule_match.events.contains(&position));
                matches.map(|rule_match| (rule_match.rule.clone(), rule_match.sink.clone())).collect::<Vec<_>>()
            };
            let alone = matches_of(&rules, std::slice::from_ref(event));
            prop_assert_eq!(told(&together, position), told(&alone, 0));
        }
    }

    #[test]
    fn a_negation_is_the_complement_of_its_pattern(
        pattern in pattern(),
        label in "[a-cA-C]{0,4}",
    ) {
        let mut event = change(Some("Sent"), "Failed", None);
        event.message.label = Some(label);
        let fires = |pattern: &str| {
            let rules = rule_set(&format!("  - {{name: x, match: {{label: '{pattern}'}}, notify: [mail]}}"));
            !rules.matches(std::slice::from_ref(&event), &Told::default()).is_empty()
        };
        prop_assert_ne!(fires(&pattern), fires(&format!("!{pattern}")));
    }

    #[test]
    fn explaining_agrees_with_matching(
        rules in prop::collection::vec(some_rule(), 1..6),
        event in some_event(),
        was_told in prop::collection::btree_set(0..6_usize, 0..4),
    ) {
        let numbered = rules.iter().enumerate();
        let list: String =
            numbered.map(|(number, rule)| format!("  - {{name: r{number}, {rule}}}\n")).collect();
        let (rules, _) = crate::support::compiled(&format!("rules:\n{list}"))
            .into_result()
            .map_err(crate::support::shown)
            .expect("no error");
        let mut told = Told::default();
        for rule in was_told {
            let before = smswatch_model::EventId::new("evt_before").expect("an id");
            told.add(&format!("r{rule}"), "mail", &smswatch_model::Overrides::new(), &before);
        }
        let verdicts = rules.explain(&event, &told).into_iter();
        let fired: Vec<String> = verdicts.filter(|verdict| verdict.fired).map(|verdict| verdict.rule).collect();
        let mut told: Vec<String> =
            rules.matches(&[event], &told).into_iter().map(|rule_match| rule_match.rule).collect();
        told.dedup();
        prop_assert_eq!(fired, told);
    }
}
