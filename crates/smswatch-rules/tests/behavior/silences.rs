//! What silences hold back, and what is wrong with those that cannot be used.

use serde_json::{Value, json};
use smswatch_model::{Event, EventKind, Severity};
use smswatch_plugin::rules::{Rules as _, Telling};

use crate::support::{event, own, rate, rule_set};

const TELLING: Telling<'static> = Telling {
    rule: "undelivered",
    sink: "slack",
    severity: Severity::Critical,
};

fn holds(matching: Value, event: &Event) -> bool {
    let rules = rule_set("  - {name: undelivered, notify: [slack]}");
    let compiled = rules.hold_back(&matching).expect("it can be used");
    compiled.hold_back.holds(event, TELLING)
}

#[test]
fn every_key_must_hold_of_the_event_and_of_who_tells_it_to_whom() {
    let sink_down = own(EventKind::SinkDown, "crm", None);
    for (matching, event, expected) in [
        (json!({}), &event(), true),
        (json!({"status": "undelivered"}), &event(), true),
        (
            json!({"status": ["Failed", "Undel*"], "country": "!GR"}),
            &event(),
            false,
        ),
        (json!({"to": "+30 690 0000001"}), &event(), true),
        (json!({"to_key": "key of +306900000001"}), &event(), true),
        (json!({"tags.team": "crm", "final": true}), &event(), true),
        (
            json!({"rule": "undel*", "sink": "slack", "severity": "critical"}),
            &event(),
            true,
        ),
        (json!({"rule": "!undelivered"}), &event(), false),
        (json!({"severity": ["info", "warning"]}), &event(), false),
        (json!({"event": "sink_down"}), &event(), false),
        (json!({"event": "sink_down"}), &sink_down, true),
        (json!({"status": "Undelivered"}), &sink_down, false),
    ] {
        assert_eq!(holds(matching.clone(), event), expected, "{matching}");
    }
}

#[test]
fn an_alert_has_the_values_by_which_its_rate_is_measured() {
    let alert = rate("undelivered-rate", EventKind::AlertFiring);
    for (matching, expected) in [
        (json!({"country": "GR"}), true),
        (json!({"country": "CY"}), false),
        (json!({"country": "GR", "event": "rate"}), true),
        (json!({"event": "firing"}), true),
        (json!({"event": "resolved"}), false),
        (json!({"event": "!rate"}), false),
        (json!({"operator": "Example Mobile"}), false),
        (json!({"operator": ""}), true),
        (json!({"tags.team": "crm"}), false),
    ] {
        assert_eq!(holds(matching.clone(), &alert), expected, "{matching}");
    }
}

#[test]
fn a_match_that_cannot_be_used_names_every_key_that_is_wrong() {
    let rules = rule_set("  - {name: undelivered, notify: [slack]}");
    let problems = [
        json!({"statu": "Undelivered", "tag": "crm", "zzz": 1}),
        json!({"status": 5, "final": "true", "country": [], "label": {"is": "x"}}),
        json!({"label": "/otp-(/", "event": "sink_dwn", "severity": ["critical", "!hot"]}),
        json!(["status"]),
        json!("Undelivered"),
    ];
    let told = problems.map(|matching| {
        let error = rules.hold_back(&matching).expect_err("it is wrong");
        error.0.join("\n")
    });
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_word_that_looks_like_a_slip_is_a_warning() {
    let rules = rule_set("  - {name: undelivered, notify: [slack]}");
    let compiled = rules.hold_back(&json!({"status": "Undeliverd"}));
    let warnings = compiled.expect("it can be used").warnings;
    insta::assert_snapshot!(warnings.join("\n"));
}

#[test]
fn a_tag_named_nearly_like_one_of_the_rules_is_a_warning() {
    let rules = rule_set("  - {name: crm, match: {tags.team: crm}, notify: [slack]}");
    let warnings = |matching| {
        let compiled = rules.hold_back(&matching).expect("it can be used");
        compiled.warnings.join("\n")
    };
    let expected = "`match.tags.taem`: `tags.taem` is nearly `tags.team`, which is used elsewhere; \
                    did you mean `tags.team`?";
    assert_eq!(warnings(json!({"tags.taem": "crm"})), expected);
    for fine in ["tags.team", "tags.city", "tags.tea"] {
        assert_eq!(warnings(json!({fine: "crm"})), "", "{fine}");
    }
}
