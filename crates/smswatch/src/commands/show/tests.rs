//! What a person reads of one message.

use serde_json::{Value, from_value, json};

use super::*;

/// What the service told, as it is read.
fn shown(timeline: Value, all: bool) -> String {
    render(&from_value(timeline).expect("a timeline"), all)
}

fn part(number: u32, status: &str, detail: Option<&str>) -> Value {
    json!({"sms_id": format!("p{number}"), "number": number, "status": status,
        "detailed_status": detail, "date": "2026-05-01T10:28:49Z"})
}

fn undelivered(number: u32, count: u32) -> Value {
    json!({"time": "2026-05-01T10:28:49Z", "type": "sms.status_changed", "refined": false,
        "regression": false, "part": {"number": number},
        "message": {"provider": "routee", "part_count": count, "from": "MyShop",
            "to": "+3069******01", "country": "GR", "operator": null},
        "previous": {"status": "Sent"},
        "current": {"status": "Undelivered", "detailed_status": "Carrier Violation"}})
}

fn rules() -> Value {
    json!([
        {"rule": "carrier-violation", "fired": true, "other_kind": false,
            "because": "notifies `ops-slack`"},
        {"rule": "greece", "fired": false, "other_kind": false,
            "because": "country is GR, and the rule wants !GR"},
        {"rule": "slack-is-down", "fired": false, "other_kind": true,
            "because": "event is status_changed, and the rule wants sink_down"},
    ])
}

#[test]
fn a_message_is_told_as_a_story() {
    let timeline = json!({
        "watch": {
            "message_id": "m1", "state": "final", "outcome": "failed",
            "registered_at": "2026-05-01T10:28:40Z", "next_poll_at": "2026-05-01T11:28:49Z",
            "tags": {"team": "crm\n\u{1b}[2J"},
            "parts": [part(1, "Undelivered", Some("Carrier Violation"))],
        },
        "events": [{"event": undelivered(1, 1), "rules": rules()}],
        "deliveries": [{"sink": "ops-slack", "rule": "carrier-violation", "state": "delivered",
            "id": "dlv_1", "attempts_made": 47, "attempts": [{"at": "2026-05-01T10:28:50Z",
                "result": "delivered", "detail": "200 OK"}],
            "created_at": "2026-05-01T10:28:50Z", "queued_at": "2026-05-01T10:28:50Z"}],
    });
    insta::assert_snapshot!(shown(timeline, false));
}

#[test]
fn what_is_the_same_for_all_parts_is_said_once() {
    let refined = json!({"type": "sms.status_changed", "time": "2026-05-01T10:29:00Z", "refined": true, "part": {"number": 2},
        "message": {"part_count": 2}, "previous": {"status": "Undelivered"},
        "current": {"status": "Undelivered", "detailed_status": "Expired"}});
    let timeline = json!({
        "watch": {
            "message_id": "m1", "state": "watching", "outcome": "pending",
            "registered_at": "2026-05-01T10:28:40Z", "next_poll_at": "2026-05-01T10:29:10Z",
            "tags": {},
            "parts": [part(1, "Undelivered", Some("Carrier Violation")),
                part(2, "Undelivered", Some("Expired"))],
        },
        "events": [
            {"event": undelivered(1, 2), "rules": rules()},
            {"event": undelivered(2, 2), "rules": rules()},
            {"event": refined, "rules": []},
        ],
        "deliveries": [],
    });
    insta::assert_snapshot!(shown(timeline, false));
}

#[test]
fn why_nothing_is_known_of_a_message_is_said() {
    let timeline = json!({
        "watch": {
            "message_id": "m1", "state": "watching", "outcome": "pending",
            "registered_at": "2026-05-01T10:28:40Z", "next_poll_at": "2026-05-01T10:29:40Z",
            "tags": {}, "parts": [],
            "trouble": {"kind": "unreadable", "since": "2026-05-01T10:28:41Z", "polls": 3,
                "message": "Routee's answers about this message cannot be read"},
        },
        "events": [], "deliveries": [],
    });
    let trouble = "trouble    Routee's answers about this message cannot be read \
                   (3 polls since 2026-05-01T10:28:41Z)";
    let text = shown(timeline, false);
    assert!(text.contains(trouble), "{text}");
}

#[test]
fn rules_about_other_kinds_of_events_are_shown_when_asked_for() {
    let timeline = json!({
        "watch": {"message_id": "m1", "state": "gave_up", "outcome": "pending",
            "registered_at": "2026-05-01T10:28:40Z"},
        "events": [{"event": {"time": "2026-05-04T10:28:49Z", "type": "sms.gave_up",
            "message": {"provider": "routee"}}, "rules": rules()}],
    });
    assert!(!shown(timeline.clone(), false).contains("slack-is-down"));
    insta::assert_snapshot!(shown(timeline, true));
}

#[test]
fn events_without_a_status_are_told_in_words() {
    let told = |kind: &str, about: Value| {
        let event = json!({"type": kind, "about": about});
        summary(&from_value(event).expect("an event"))
    };
    assert_eq!(told("sms.gave_up", Value::Null), "gave up: no final status");
    assert_eq!(
        told("smswatch.sink_down", json!({"name": "crm"})),
        "sink crm is down"
    );
    assert_eq!(told("sms.of_next_year", Value::Null), "sms.of_next_year");
}

#[test]
fn a_delivery_to_a_fallback_says_in_whose_place_it_is_and_why() {
    let delivery = |id: &str, sink: &str, state: &str, instead_of: Option<&str>| {
        let delivery = json!({"id": id, "sink": sink, "rule": "r", "state": state,
            "instead_of": instead_of, "created_at": "2026-05-01T10:28:50Z",
            "queued_at": "2026-05-01T10:28:50Z"});
        from_value::<DeliveryReply>(delivery).expect("a delivery")
    };
    let told = |state: Option<&str>| {
        let mut deliveries = vec![
            delivery("dlv_2", "ops-mail", "pending", Some("pager")),
            delivery("dlv_3", "crm", "pending", None),
        ];
        deliveries.extend(state.map(|state| delivery("dlv_1", "pager", state, None)));
        [
            sink(&deliveries[0], &deliveries),
            sink(&deliveries[1], &deliveries),
        ]
    };
    for (state, why) in [
        (Some("pending"), ", which is down"),
        (Some("delivered"), ", which was down"),
        (Some("dead"), ", which did not take it"),
        (None, ""),
    ] {
        let expected = format!("ops-mail, instead of pager{why}");
        assert_eq!(told(state), [expected, "crm".to_owned()]);
    }
}

#[test]
fn what_a_later_version_says_is_shown_as_it_says_it() {
    let timeline = json!({
        "incident": {"id": 7},
        "watch": {"message_id": "m1", "state": "silenced", "outcome": "read", "until": "tomorrow",
            "registered_at": "2026-05-01T10:28:40Z"},
        "events": [{"event": {"time": "2026-05-01T10:28:49Z", "type": "sms.read",
            "message": {"provider": "routee", "outcome": "read"}, "fault": "nobody"}}],
        "deliveries": [{"sink": "ops", "rule": "all", "state": "grouped", "id": "dlv_1",
            "created_at": "2026-05-01T10:28:50Z", "queued_at": "2026-05-01T10:28:50Z"}],
    });
    insta::assert_snapshot!(shown(timeline, false));
}
