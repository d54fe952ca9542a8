//! What `match` and `when` say of an event.

use std::time::Duration;

use smswatch_model::{Event, EventKind, Outcome, Source};
use smswatch_plugin::rules::{RateBound, Rules as _, Told};
use smswatch_rules::RuleSet;

use crate::support::{change, deadline, event, own, rate, rule_set, stuck, unknown};

/// Whether one rule with this `match` fires for the event.
fn matches(matching: &str, event: &Event) -> bool {
    let rules = rule_set(&format!(
        "  - {{name: x, match: {{{matching}}}, notify: [mail]}}"
    ));
    !fired(&rules, event).is_empty()
}

fn check(matching: &str, expected: bool) {
    assert_eq!(matches(matching, &event()), expected, "{matching}");
}

/// The rules that match an event, each once for each sink.
fn fired(rules: &RuleSet, event: &Event) -> Vec<String> {
    let matches = rules.matches(std::slice::from_ref(event), &Told::default());
    let names = matches.into_iter().map(|rule_match| rule_match.rule);
    names.collect()
}

#[test]
fn every_key_can_be_matched() {
    for matching in [
        "status: undelivered",
        "detailed_status: Carrier Violation",
        "previous_status: sent",
        "country: gr",
        "operator: Example Mobile",
        "from: myshop",
        "to: '+3069******01'",
        "label: ORDER-17",
        "campaign: ''",
        "application: default",
        "originating_service: sms",
        "body_key: key of the text",
        "body: '*parcel*'",
        "groups: vip",
        "direction: outbound",
        "source: poll",
        "outcome: failed",
        "final: true",
        "regression: false",
        "refined: false",
        "late: false",
        "first_seen: false",
        "fault: sender",
        "tags.team: crm",
    ] {
        check(matching, true);
    }
    let described = {
        let mut event = event();
        event.current.as_mut().expect("a status").description = Some("Spam filter".to_owned());
        event
    };
    assert!(matches("description: '*spam*'", &described));
}

#[test]
fn a_list_means_any_of_and_every_negation_must_hold() {
    check("country: [CY, GR]", true);
    check("country: [CY, DE]", false);
    check("country: '!GR'", false);
    check("country: ['!CY', '!DE']", true);
    check("country: ['!CY', '!GR']", false);
    check("status: ['*delivered', '!Delivered']", true);
    check("status: [Failed, '!Delivered']", false);
    check("status: Undelivered, country: CY", false);
}

#[test]
fn globs_and_regular_expressions_ignore_case() {
    check("label: 'ORDER-*'", true);
    check("label: '*-1*'", true);
    check("label: order", false);
    check("label: '!otp-*'", true);
    check("label: '/^ORDER-[0-9]+$/'", true);
    check("label: '/17/'", true);
    check("label: '!/17/'", false);
    check("label: 'order.17'", false);
    check("operator: 'example*mobile'", true);
    check("to: '+3069*'", true);
}

#[test]
fn letters_beyond_ascii_ignore_case_too() {
    let mut greek = event();
    greek.message.label = Some("ΠΑΡΑΓΓΕΛΊΑ".to_owned());
    assert!(matches("label: παραγγελία", &greek));
    assert!(matches("label: 'παραγγ*'", &greek));
    assert!(!matches("label: παραγγελια", &greek));
}

#[test]
fn where_there_is_no_value_only_negations_and_the_empty_pattern_hold() {
    let nothing = unknown(change(None, "Queued", None));
    for key in [
        "country",
        "operator",
        "from",
        "to",
        "label",
        "campaign",
        "groups",
        "direction",
        "detailed_status",
        "previous_status",
        "description",
        "tags.team",
    ] {
        let check = |pattern: &str, expected| {
            assert_eq!(
                matches(&format!("{key}: {pattern}"), &nothing),
                expected,
                "{key}: {pattern}"
            );
        };
        check("'*'", false);
        check("'/./'", false);
        check("'!xyz'", true);
        check("''", true);
        check("'!'", false);
    }
    check("detailed_status: '!'", true);
    check("detailed_status: ''", false);
    check("campaign: ['', Spring]", true);
    check("groups: ''", false);
}

#[test]
fn a_whole_number_is_found_by_its_keyed_hash_however_it_is_written() {
    check("to: '+306900000001'", true);
    check("to: '00306900000001'", true);
    check("to: '+30 690 000 0001'", true);
    check("to: '+306900000002'", false);
    check("to: '!+306900000001'", false);
    let mut shown = event();
    shown.message.to = Some("+306900000001".to_owned());
    shown.message.to_key = None;
    assert!(matches("to: '306900000001'", &shown));
}

#[test]
fn groups_match_when_any_of_them_does() {
    check("groups: customers", true);
    check("groups: [staff, vip]", true);
    check("groups: '!vip'", false);
    check("groups: '!staff'", true);
    check("groups: [customers, '!vip']", false);
}

#[test]
fn flags_say_what_the_event_says() {
    let mut seen = change(None, "Delivered", None);
    seen.message.outcome = Some(Outcome::Delivered);
    seen.source = Some(Source::Callback);
    seen.late = true;
    seen.regression = true;
    for matching in [
        "first_seen: true",
        "late: true",
        "regression: true",
        "final: true",
        "source: callback",
    ] {
        assert!(matches(matching, &seen), "{matching}");
    }
    assert!(!matches("first_seen: false", &seen));
    assert!(matches(
        "final: false",
        &change(Some("Queued"), "Sent", None)
    ));
}

#[test]
fn a_rule_is_about_one_kind_of_event() {
    let rules = rule_set(
        "  - {name: lost, event: not_found, notify: [mail]}\n\
         \x20 - {name: open, event: gave_up, match: {country: GR, status: ''}, notify: [mail]}\n\
         \x20 - {name: down, event: sink_down, when: 'event.about.name == \"crm\"', notify: [mail]}\n\
         \x20 - {name: all, notify: [mail]}",
    );
    let fired = |event: &Event| fired(&rules, event);
    assert_eq!(fired(&deadline(EventKind::NotFound)), ["lost"]);
    assert_eq!(fired(&deadline(EventKind::GaveUp)), ["open"]);
    assert_eq!(fired(&own(EventKind::SinkDown, "crm", None)), ["down"]);
    assert_eq!(fired(&own(EventKind::SinkDown, "mail", None)), [""; 0]);
    assert_eq!(fired(&own(EventKind::ProviderDown, "crm", None)), [""; 0]);
    assert_eq!(fired(&event()), ["all"]);
    assert_eq!(fired(&deadline(EventKind::Test)), [""; 0]);
}

#[test]
fn a_rule_about_stuck_messages_takes_those_of_its_own_time() {
    let rules = rule_set(
        "  - {name: otp, event: stuck, after: 2m, match: {status: Sent, label: 'otp-*'}, notify: [mail]}\n\
         \x20 - {name: slow, event: [stuck, gave_up], after: 120s, match: {label: '!otp-*'}, notify: [mail]}\n\
         \x20 - {name: slower, event: stuck, after: 29500ms, when: event.after > 10, notify: [mail]}\n\
         \x20 - {name: archive, event: any, match: {first_seen: false}, notify: [crm]}",
    );
    assert_eq!(
        *rules.stuck_after(),
        [30, 120].map(|after| Duration::from_secs(after).into())
    );
    let fired = |event: Event| fired(&rules, &event);
    assert_eq!(fired(stuck(120)), ["slow", "archive"]);
    assert_eq!(fired(stuck(30)), ["slower", "archive"]);
    assert_eq!(fired(stuck(60)), ["archive"]);
    let mut otp = stuck(120);
    otp.message.label = Some("otp-1".to_owned());
    assert_eq!(fired(otp), ["otp", "archive"]);
}

#[test]
fn a_rate_measures_status_changes_and_tells_its_own_alerts() {
    let rules = rule_set(
        "  - {name: bad, event: rate, count: {status: Undelivered}, among: {final: true}, by: [country, tags.team],\n\
         \x20    over: 15m, above: 2.5%, at_least: 50, for: 2m, notify: [mail]}\n\
         \x20 - {name: worse, event: rate, count: {label: 'otp-*'}, over: 1h, above: 20, clear_below: 10, notify: [mail]}\n\
         \x20 - {name: archive, event: any, notify: [crm]}",
    );
    let measured = |event: &Event| -> Vec<(String, bool)> {
        let measured = rules.measured(event).into_iter();
        measured.map(|of| (of.group.rule, of.counts)).collect()
    };
    let named = |pairs: &[(&str, bool)]| -> Vec<(String, bool)> {
        pairs
            .iter()
            .map(|(rule, counts)| ((*rule).to_owned(), *counts))
            .collect()
    };
    assert_eq!(
        measured(&event()),
        named(&[("bad", true), ("worse", false)])
    );
    assert_eq!(
        measured(&change(None, "Delivered", None)),
        named(&[("bad", false), ("worse", false)])
    );
    assert_eq!(
        measured(&change(None, "Sent", None)),
        named(&[("worse", false)])
    );
    for ignored in [
        Event {
            late: true,
            ..event()
        },
        Event {
            refined: true,
            ..event()
        },
        Event {
            backfill: true,
            ..event()
        },
        stuck(120),
    ] {
        assert_eq!(measured(&ignored), []);
    }
    let group = rules.measured(&event()).remove(0).group;
    assert_eq!(group.values["country"], "GR");
    assert_eq!(group.values["tags.team"], "crm");
    let settings = group.settings;
    assert_eq!(
        (settings.above, settings.clear_below),
        (RateBound::Percent(2.5), RateBound::Percent(2.5))
    );
    assert_eq!(
        (settings.at_least, settings.lasting),
        (50, Duration::from_secs(120))
    );
    let fired = |event: Event| fired(&rules, &event);
    assert_eq!(
        fired(rate("worse", EventKind::AlertFiring)),
        ["worse", "archive"]
    );
    assert_eq!(fired(rate("gone", EventKind::AlertResolved)), ["archive"]);
}

#[test]
fn an_expression_says_what_match_cannot() {
    let fires = |when: &str, event: &Event| {
        let rules = rule_set(&format!("  - {{name: x, when: {when:?}, notify: [mail]}}"));
        !rules
            .matches(
                std::slice::from_ref(event),
                &smswatch_plugin::rules::Told::default(),
            )
            .is_empty()
    };
    assert!(fires(
        "event.part.price > 0.03 and event.message.part_count == 1",
        &event()
    ));
    assert!(!fires("event.part.price > 0.05", &event()));
    assert!(fires("event.message.tags.team == 'crm'", &event()));
    assert!(!fires("event.message.tags.city == 'Athens'", &event()));
    assert!(fires(
        "event.previous and event.previous.status == 'Sent'",
        &event()
    ));
    assert!(fires("'vip' in event.message.groups", &event()));
    assert!(fires(
        "event.message.label is startingwith 'order'",
        &event()
    ));
}
