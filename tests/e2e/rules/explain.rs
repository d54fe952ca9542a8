//! `smswatch rules explain` takes what people have at hand and says what each rule makes of it.

use serde_json::{Value, json};

use super::{Desk, shown};

const RULES: &str = r#"
rules:
  - {name: otp, match: {label: "otp-*"}, severity: critical, notify: [mail]}
  - {name: carrier-violation, match: {detailed_status: Carrier Violation}, severity: critical, notify: [slack]}
  - {name: abroad, match: {status: Undelivered, country: "!GR"}, notify: [mail]}
  - {name: costly, when: event.part.price > 1, notify: [mail]}
  - {name: undelivered, match: {status: [Undelivered, Failed]}, notify: [slack, mail]}
  - {name: gave-up, event: gave_up, notify: [mail]}
"#;

/// The event of the documentation, as it is printed there.
fn event() -> Value {
    json!({
      "event_id": "evt_…", "type": "sms.status_changed", "sequence": 3, "source": "poll",
      "time": "2026-05-01T10:28:49Z", "detected_at": "2026-05-01T10:28:50.101Z",
      "regression": false, "refined": false, "backfill": false, "late": false, "fault": "sender",
      "previous": {"status": "Sent", "detailed_status": null, "date": "2026-05-01T10:28:46Z"},
      "current": {"status": "Undelivered", "detailed_status": "Carrier Violation",
        "description": "…", "date": "2026-05-01T10:28:49Z", "final": true},
      "part": {"sms_id": "…", "number": 1, "price": 0.036, "latency": 4},
      "message": {"provider": "routee", "message_id": "…", "outcome": "failed", "part_count": 1,
        "from": "MyShop", "to": "+3069******01", "to_key": "…", "country": "GR",
        "operator": "Example Mobile", "label": "order-17", "campaign": null,
        "application": "default", "originating_service": "Sms", "body_key": "…", "body": null,
        "groups": [], "direction": "Outbound", "tags": {"team": "crm"}}
    })
}

#[test]
fn each_rule_says_whom_it_notifies_or_which_condition_failed() {
    let desk = Desk::new(RULES);
    let file = desk.write("event.json", &event().to_string());
    let file = file.to_str().expect("a path");
    let output = desk.run(&["rules", "explain", file, "--config", "smswatch.yaml"], "");
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn whatever_holds_the_event_is_understood() {
    let desk = Desk::new(RULES);
    let data = json!({ "schema": 1, "rule": "x", "events": [event()] });
    let forms = [
        event(),
        json!({ "type": "sms.status_changed", "timestamp": "2026-05-01T10:28:50Z", "data": data }),
        data.clone(),
        json!({ "specversion": "1.0", "id": "dlv_1", "type": "sms.status_changed", "data": data }),
        json!({ "items": [event()], "next": null }),
        json!([event()]),
        json!({ "event": event(), "rules": [] }),
    ];
    let explain = |form: &Value| {
        let output = desk.run(&["rules", "explain", "-"], &form.to_string());
        assert_eq!(output.status.code(), Some(0), "{form}: {}", shown(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let expected = explain(&event());
    for form in &forms {
        assert_eq!(explain(form), expected, "{form}");
    }
}

#[test]
fn a_few_fields_written_by_hand_are_enough_and_a_typo_is_told() {
    let desk = Desk::new(
        "rules:\n  - {name: mine, match: {to: \"+306900000001\", fault: recipient, final: true}, notify: [mail]}\n",
    );
    let event = r#"{"current": {"status": "undelivered", "detailed_status": "unknown number"},
        "message": {"to": "+306900000001", "contry": "GR"}}"#;
    let output = desk.run(&["rules", "explain", "-"], event);
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn what_the_configuration_says_of_a_fault_holds_for_an_event_of_yesterday_too() {
    let rules = r#"
fault: {carrier violation: carrier}
rules:
  - {name: ours, match: {fault: sender}, notify: [mail]}
  - {name: theirs, match: {fault: carrier}, notify: [mail]}
"#;
    let output = Desk::new(rules).run(&["rules", "explain", "-"], &event().to_string());
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn links_and_what_each_sink_is_told_are_shown() {
    let rules = r#"
rules:
  - name: carrier-violation
    template: {text: "At {{ events[0].time|local_time('%H:%M') }}."}
    links: [{title: Runbook, url: "https://wiki.example.com/{{ events[0].message.operator }}"}]
    notify: [mail, slack]
"#;
    let desk = Desk::new(rules);
    let config = std::fs::read_to_string(desk.path().join("smswatch.yaml")).expect("a file");
    let athens = "mail: {type: console, timezone: Europe/Athens, template: {title: \"To mail\"}}";
    let config = config.replace("mail: {type: console}", athens);
    desk.write("smswatch.yaml", &config);
    let output = desk.run(&["rules", "explain", "-"], &event().to_string());
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn programs_get_events_verdicts_and_words() {
    let desk = Desk::new(RULES);
    let output = desk.run(&["rules", "explain", "-", "--json"], &event().to_string());
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let item = &told["items"][0];
    assert_eq!(
        item["event"]["current"]["detailed_status"],
        "Carrier Violation"
    );
    let verdicts = item["rules"].as_array().expect("a list");
    let fired: Vec<&Value> = verdicts
        .iter()
        .filter(|verdict| verdict["fired"] == true)
        .map(|verdict| &verdict["rule"])
        .collect();
    assert_eq!(fired, ["carrier-violation", "undelivered"]);
    let told = item["notifications"].as_array().expect("a list");
    let told: Vec<_> = told
        .iter()
        .map(|told| (&told["rule"], &told["sink"]))
        .collect();
    let expected = [("carrier-violation", "slack"), ("undelivered", "mail")];
    let expected = expected.map(|(rule, sink)| (json!(rule), json!(sink)));
    assert!(
        told.into_iter()
            .eq(expected.iter().map(|(rule, sink)| (rule, sink)))
    );
}

#[test]
fn what_is_no_event_is_wrong_usage_with_a_plain_reason() {
    let desk = Desk::new(RULES);
    let unreadable = [
        "",
        "not JSON",
        "{}",
        "7",
        r#"{"data": {"events": []}}"#,
        r#"{"type": "sms.status_change"}"#,
        r#"{"current": {"status": 5}}"#,
        r#"{"current": {"status": "Sent", "date": "yesterday"}}"#,
        r#"{"current": {"status": "Sent"}, "source": "pol"}"#,
        r#"{"message": {"tags": {"team": 5}}}"#,
    ];
    let mut all = String::new();
    for text in unreadable {
        let output = desk.run(&["rules", "explain", "-"], text);
        all.push_str(&format!("{text}\n{}\n", shown(&output)));
        assert_eq!(output.status.code(), Some(2), "{text}: {}", shown(&output));
    }
    let output = desk.run(&["rules", "explain", "gone.json"], "");
    all.push_str(&format!("gone.json\n{}\n", shown(&output)));
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(all);
}
