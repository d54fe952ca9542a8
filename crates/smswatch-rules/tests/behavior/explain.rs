//! Why a rule fired, or which condition kept it from firing.

use smswatch_model::{Event, EventKind, Repeated};
use smswatch_plugin::rules::{RuleVerdict, Rules as _, Told};

use crate::support::{change, deadline, event, rule_set, stuck, unknown};

const RULES: &str = "
  - {name: mail-violation, match: {detailed_status: Carrier Violation, country: GR}, notify: [mail]}
  - {name: abroad, match: {country: '!GR'}, notify: [slack]}
  - {name: others, match: {status: [Failed, Unsent], label: 'otp-*'}, notify: [slack]}
  - {name: flipped, match: {regression: true}, notify: [slack]}
  - {name: vip, match: {groups: vip, campaign: Spring}, notify: [slack]}
  - {name: tagged, match: {tags.city: Athens}, notify: [slack]}
  - {name: dear, when: event.part.price > 1, notify: [slack]}
  - {name: lost, event: not_found, notify: [slack]}
  - {name: both, match: {status: Undelivered}, notify: [mail, slack]}
  - {name: again, match: {status: [Undelivered, Failed]}, notify: [slack], stop: true}
  - {name: archive, match: {from: '*'}, notify: [crm]}
";

fn explained(event: &Event) -> String {
    explained_after(event, &Told::default())
}

fn explained_after(event: &Event, told: &Told) -> String {
    let verdicts = rule_set(RULES).explain(event, told);
    let line = |verdict: &RuleVerdict| {
        let sign = if verdict.fired { "✓" } else { "·" };
        format!("{sign} {}: {}", verdict.rule, verdict.because)
    };
    verdicts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_rule_names_the_first_condition_that_failed() {
    insta::assert_snapshot!(explained(&event()));
}

#[test]
fn what_is_not_known_is_said_to_be_missing() {
    insta::assert_snapshot!(explained(&unknown(change(None, "Queued", None))));
}

#[test]
fn a_rule_about_stuck_messages_says_of_which_time_it_is() {
    let rules = rule_set("  - {name: slow, event: stuck, after: 2m, notify: [mail]}");
    let because = |event: &Event| rules.explain(event, &Told::default())[0].because.clone();
    assert_eq!(because(&stuck(120)), "notifies `mail`");
    let other = because(&stuck(1800));
    assert_eq!(
        other,
        "the event is about 30m, and the rule wants `after: 2m`"
    );
    let unsaid = because(&Event {
        after: None,
        ..stuck(120)
    });
    assert_eq!(
        unsaid,
        "the event does not say after how long, and the rule wants `after: 2m`"
    );
}

#[test]
fn a_message_that_is_still_stuck_is_told_by_rules_that_repeat_as_often() {
    let rules = rule_set(
        "  - {name: once, event: stuck, after: 2m, notify: [mail]}\n  - {name: again, event: stuck, after: 2m, repeat: 10m, notify: [crm]}",
    );
    let again = Event {
        repeated: Some(Repeated {
            every: 600,
            times: 1,
        }),
        ..stuck(120)
    };
    let verdicts = rules.explain(&again, &Told::default());
    let because: Vec<&str> = verdicts
        .iter()
        .map(|verdict| verdict.because.as_str())
        .collect();
    let expected = [
        "the event is told again every 10m, and the rule does not want that",
        "notifies `crm`",
    ];
    assert_eq!(because, expected);
    let both = rules.matches(&[stuck(120)], &Told::default());
    assert_eq!(both.len(), 2);
}

#[test]
fn other_kinds_backfill_and_refinements_are_explained() {
    insta::assert_snapshot!(explained(&unknown(deadline(EventKind::NotFound))),);
    let backfill = Event {
        backfill: true,
        ..event()
    };
    assert!(explained(&backfill).contains("before the message was first seen"));
    let refined = Event {
        refined: true,
        refines: Some(event().event_id),
        ..event()
    };
    let mut told = Told::default();
    for sink in ["mail", "slack"] {
        told.add(
            "both",
            sink,
            &smswatch_model::Overrides::new(),
            &event().event_id,
        );
    }
    insta::assert_snapshot!(explained_after(&refined, &told));
}

#[test]
fn explaining_and_matching_agree() {
    let rules = rule_set(RULES);
    for event in [
        event(),
        change(None, "Queued", None),
        deadline(EventKind::NotFound),
    ] {
        let fired: Vec<String> = rules
            .explain(&event, &Told::default())
            .into_iter()
            .filter(|verdict| verdict.fired)
            .map(|verdict| verdict.rule)
            .collect();
        let mut told: Vec<String> = rules
            .matches(&[event], &Told::default())
            .into_iter()
            .map(|rule_match| rule_match.rule)
            .collect();
        told.dedup();
        assert_eq!(fired, told);
    }
}
