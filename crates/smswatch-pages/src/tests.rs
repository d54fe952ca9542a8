//! What every page shows, and that texts of others do no harm on any of them.

use serde_json::{Map, Value, from_value, json};
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply, DeliveryState};
use smswatch_api::list::ListReply;
use smswatch_api::rules::RuleReply;
use smswatch_api::watches::{RuleVerdictReply, TimelineReply};
use smswatch_model::Event;

use crate::frame::Frame;
use crate::sample::{assert_harmless, frame, hostile, lines, reader};
use crate::{
    Confirm, Deliveries, Draft, Found, Refusal, Replay, ReplayCount, ReplayRow, Replayed, Rules,
    Search, Shown, Sink, Tried, campaigns, confirm, deliveries, delivery, login, messages,
    new_silence, preview, problem, rules, silences, sinks, starting, story,
};

/// A delivery of which others say `text` wherever they can.
fn sample_delivery(id: &str, state: &str, text: &str) -> Value {
    json!({
        "id": id, "sink": text, "rule": text, "state": state,
        "reason": (state == "suppressed").then_some("silence:sil_1"),
        "message_ids": ["m1", "m2", "m3"], "next_attempt_at": null, "attempts_made": 2,
        "attempts": [
            {"at": "2026-05-01T22:13:00Z", "result": "retry", "detail": text},
            {"at": "2026-05-01T22:14:00Z", "result": state, "detail": format!("it answered 401 at 22:14: {text}")},
        ],
        "created_at": "2026-05-01T22:12:30Z", "queued_at": "2026-05-01T22:12:30Z",
    })
}

fn delivery_of(id: &str, state: &str, text: &str) -> DeliveryReply {
    from_value(sample_delivery(id, state, text)).expect("a delivery")
}

fn sample_deliveries(text: &str) -> Deliveries {
    let dead = (0..50).map(|n| delivery_of(&format!("dlv_{n}"), "dead", text));
    let dead: Vec<DeliveryReply> = dead.collect();
    Deliveries {
        query: DeliveriesQuery {
            state: Some(DeliveryState::Dead),
            sink: Some(text.chars().take(200).collect()),
            ..DeliveriesQuery::default()
        },
        list: ListReply {
            items: dead.clone(),
            next: Some("17~x".to_owned()),
        },
        dead,
        is_cut: true,
        sinks: vec!["ops-slack".to_owned()],
    }
}

fn sample_event(text: &str, sequence: u64) -> Event {
    let event = json!({
        "event_id": format!("evt_{sequence}"), "type": "sms.status_changed", "sequence": sequence, "source": "poll",
        "time": "2026-05-01T22:11:58Z", "detected_at": "2026-05-01T22:12:00Z",
        "regression": false, "refined": false, "backfill": false, "late": false, "fault": "sender",
        "previous": {"status": "Sent", "detailed_status": null, "date": "2026-05-01T22:11:50Z"},
        "current": {"status": "Undelivered", "detailed_status": text, "description": text,
            "date": "2026-05-01T22:11:58Z", "final": true},
        "part": {"sms_id": "p1", "number": 1, "price": 0.036, "latency": 4},
        "message": {"provider": "routee", "message_id": "m1", "outcome": "failed", "part_count": 1, "from": text,
            "to": "+3069******01", "to_key": null, "country": "GR", "operator": text, "label": text,
            "campaign": text, "application": null, "groups": [], "direction": null, "tags": {text: text}},
    });
    from_value(event).expect("an event")
}

fn verdicts(text: &str) -> Value {
    json!([
        {"rule": text, "fired": true, "because": text},
        {"rule": "greece", "fired": false, "because": format!("country is GR, and the rule wants {text}")},
        {"rule": "slack-is-down", "fired": false, "other_kind": true, "because": text},
    ])
}

fn sample_story(text: &str, n_events: u64) -> TimelineReply<Event> {
    let events =
        (1..=n_events).map(|n| json!({"event": sample_event(text, n), "rules": verdicts(text)}));
    let told = json!({
        "watch": {
            "message_id": "m1", "state": "final", "outcome": "failed", "tags": {text: text},
            "parts": [
                {"sms_id": "p1", "number": 1, "status": "Undelivered", "detailed_status": text,
                 "date": "2026-05-01T22:11:58Z", "final": true},
                {"sms_id": "p2", "number": 2, "status": text, "detailed_status": null,
                 "date": "2026-05-01T22:11:58Z", "final": true},
            ],
            "next_poll_at": null, "registered_at": "2026-05-01T22:11:40Z",
            "trouble": {"kind": "unreadable", "message": text, "since": "2026-05-01T22:12:40Z", "polls": 3},
        },
        "events": events.collect::<Vec<_>>(),
        "deliveries": [sample_delivery("dlv_1", "delivered", text), sample_delivery("dlv_2", "suppressed", text)],
        "silences": [{"id": "sil_1", "state": "active", "source": "api", "match": {"country": "GR"},
            "until": "2026-05-02T00:00:00Z", "comment": text, "author": text, "created_at": "2026-05-01T20:00:00Z",
            "held_back": 3}],
    });
    from_value(told).expect("a timeline")
}

fn sample_sinks(text: &str) -> Vec<Sink> {
    let sink = |name: &str, state: &str| {
        Sink {
        sink: from_value(json!({
            "sink": name, "state": state, "paused_since": null,
            "open_since": (state == "open").then_some("2026-05-01T22:20:10Z"), "open_reason": (state == "open").then_some(text),
            "held_until": null,
            "destinations": [{"destination": text, "open_since": null, "trouble": text}],
        }))
        .expect("a sink"),
        queue: Some(
            from_value(json!({"sink": name, "pending": 6, "dead": 12, "oldest": "2026-05-01T22:20:00Z",
                "dead_reason": text}))
            .expect("a queue"),
        ),
        latest: vec![delivery_of("dlv_1", "dead", text)],
    }
    };
    // Names of sinks come from the configuration, and lead to their orders.
    let name: String = text.chars().take(200).collect();
    ["delivering", "open", "paused", "held"]
        .map(|state| sink(&name, state))
        .into()
}

fn sample_silences(text: &str) -> Value {
    let silence = |id: &str, source: &str, state: &str, matching: Value| {
        json!({"id": id, "state": state, "source": source, "match": matching, "until": "2026-05-02T00:00:00Z",
            "comment": text, "author": text, "created_at": "2026-05-01T20:00:00Z",
            "held_back": (source == "api").then_some(1200)})
    };
    json!({"items": [
        silence("sil_1", "api", "active", json!({"rule": text, "country": ["GR", "CY"]})),
        silence("maintenance:night", "configuration", "active", json!({})),
        silence("sil_2", "api", "ended", json!({"operator": text})),
    ], "next": "17~x"})
}

fn sample_campaigns(text: &str) -> Value {
    let campaign = json!({
        "tracking_id": "spring-2026", "name": text, "state": "watching", "tags": {text: text},
        "messages": 40, "by_outcome": {"delivered": 30, "failed": 2, "pending": 8}, "by_status": {},
        "cost": 1.44, "cost_of_failed": 0.072,
        "slowest_operators": [
            {"operator": text, "messages": 20, "failed": 2, "median_seconds": 130},
            {"operator": "", "messages": 20, "failed": 0, "median_seconds": null},
        ],
        "trouble": text, "next_poll_at": "2026-05-01T22:41:00Z",
        "registered_at": "2026-05-01T22:00:00Z", "ended_at": null,
    });
    let new = json!({"tracking_id": "new", "name": null, "state": "watching", "messages": null, "cost": null,
        "cost_of_failed": null, "trouble": null, "next_poll_at": null,
        "registered_at": "2026-05-01T22:39:00Z", "ended_at": null});
    let later = json!({"tracking_id": "later", "name": null, "state": "watching", "messages": null, "cost": null,
        "cost_of_failed": null, "trouble": null, "next_poll_at": null, "registered_at": null, "ended_at": null,
        "unreadable": true});
    json!({"items": [campaign, new, later], "next": "17~x"})
}

fn sample_preview(text: &str) -> Shown {
    let parts = [("Subject", text), (text, "two\nlines")];
    let parts = parts.map(|(name, text)| (name.to_owned(), text.to_owned()));
    Shown {
        sink: text.chars().take(200).collect(),
        delivery: Some("dlv_1".parse().expect("an id")),
        parts: parts.into(),
        has_html: true,
    }
}

fn sample_rules(text: &str) -> Rules {
    Rules {
        rules: vec![
            RuleReply {
                rule: text.to_owned(),
                fired_24h: 12,
                fired_7d: 1_340,
                last_fired_at: Some(frame().now),
            },
            RuleReply {
                rule: "greece".to_owned(),
                fired_24h: 0,
                fired_7d: 0,
                last_fired_at: None,
            },
        ],
        recent: vec![sample_event(text, 1)],
        replayed: Some(Replayed {
            text: text.chars().take(2000).collect(),
            outcome: Ok(Replay {
                since: Some(frame().now),
                events: 3_000,
                is_cut: true,
                rows: vec![ReplayRow {
                    rule: text.to_owned(),
                    sink: text.to_owned(),
                    today: ReplayCount {
                        notifications: 12,
                        held_back: 0,
                    },
                    tried: ReplayCount {
                        notifications: 3,
                        held_back: 1_200,
                    },
                }],
                silent: vec![text.to_owned()],
            }),
        }),
        tried: Some(Tried {
            text: text.chars().take(2000).collect(),
            verdicts: Ok(from_value::<Vec<RuleVerdictReply>>(verdicts(text)).expect("verdicts")),
        }),
    }
}

/// Every page that shows what others said, with its name.
fn all(frame: &Frame, text: &str) -> Vec<(&'static str, String)> {
    let found = Found {
        search: Search {
            label: text.chars().take(200).collect(),
            ..Search::default()
        },
        items: vec![sample_event(text, 1), sample_event(text, 2)],
        next: Some("17~x".to_owned()),
        back_to: Some(frame.now),
        looked_at: 3_000,
        problem: None,
    };
    let asked = Confirm {
        is_drop: true,
        query: sample_deliveries(text).query,
        chosen: Vec::new(),
        count: 412,
        is_cut: false,
    };
    let draft = Draft {
        matching: text.chars().take(2000).collect(),
        problem: Some(text.to_owned()),
        ..Draft::default()
    };
    let few = Deliveries {
        list: ListReply {
            items: vec![
                delivery_of("dlv_1", "dead", text),
                delivery_of("dlv_2", "pending", text),
            ],
            next: Some("17~x".to_owned()),
        },
        ..sample_deliveries(text)
    };
    vec![
        ("deliveries", deliveries(frame, &few)),
        ("confirm", confirm(frame, &asked)),
        (
            "delivery",
            delivery(frame, &delivery_of("dlv_1", "dead", text)),
        ),
        ("messages", messages(frame, &found)),
        ("story", story(frame, &sample_story(text, 2))),
        ("sinks", sinks(frame, &sample_sinks(text), None)),
        (
            "silences",
            silences(frame, &from_value(sample_silences(text)).expect("silences")),
        ),
        ("new silence", new_silence(frame, &draft)),
        ("rules", rules(frame, &sample_rules(text))),
        ("preview", preview(frame, &sample_preview(text))),
        (
            "campaigns",
            campaigns(
                frame,
                &from_value(sample_campaigns(text)).expect("campaigns"),
            ),
        ),
        ("problem", problem(frame, "There is nothing here", text)),
    ]
}

#[test]
fn every_page_reads_as_it_should() {
    for (name, page) in all(&frame(), "what others say") {
        assert_harmless(&page);
        let page = lines(&page);
        // What stands around every page is shown once, with the first page.
        let content = page
            .split("<main")
            .nth(1)
            .and_then(|rest| rest.split("</main>").next());
        insta::assert_snapshot!(name, content.expect("it has content"));
    }
}

#[test]
fn texts_of_others_run_on_no_page_and_make_none_too_large() {
    for (name, page) in all(&frame(), &hostile()) {
        assert!(page.len() < 60_000, "{name}: {} bytes", page.len());
        assert_harmless(&page);
    }
}

#[test]
fn full_lists_and_long_stories_stay_small() {
    let text = hostile();
    assert_harmless(&deliveries(&frame(), &sample_deliveries(&text)));
    assert_harmless(&story(&frame(), &sample_story(&text, 100)));
    let found = Found {
        items: (0..50).map(|n| sample_event(&text, n)).collect(),
        ..Found::default()
    };
    assert_harmless(&messages(&frame(), &found));
}

#[test]
fn who_may_only_read_sees_no_form_that_changes_anything() {
    for (name, page) in all(&reader(), "what others say") {
        if matches!(name, "confirm" | "new silence") {
            continue;
        }
        for action in [
            "/retry",
            "/test",
            "/pause",
            "/resume",
            "/end",
            "/rules/try",
            "/rules/backtest",
            "/silences/new",
        ] {
            assert!(!page.contains(&format!("{action}\"")), "{name}: {action}");
        }
        assert!(!page.contains("type=\"checkbox\""), "{name}");
    }
}

#[test]
fn empty_pages_say_what_to_do_next() {
    let frame = frame();
    let list = || json!({"items": [], "next": null});
    let pages = [
        silences(&frame, &from_value(list()).expect("a list")),
        campaigns(&frame, &from_value(list()).expect("a list")),
        sinks(&frame, &[], None),
        messages(&frame, &Found::default()),
    ];
    for page in pages {
        assert!(page.contains("class=\"empty\""), "{page}");
    }
}

#[test]
fn a_search_compares_without_case_and_finds_tags() {
    let event = sample_event("Night", 1);
    let search = |name: &str, value: &str| {
        let mut search = Search::default();
        let field = match name {
            "status" => &mut search.status,
            "label" => &mut search.label,
            "operator" => &mut search.operator,
            "tag" => &mut search.tag,
            _ => &mut search.country,
        };
        value.clone_into(field);
        search.finds(&event)
    };
    for (name, value, expected) in [
        ("status", "undelivered", true),
        ("status", "night", true),
        ("status", "deliv", false),
        ("label", "igh", true),
        ("operator", "NIG", true),
        ("country", "gr", true),
        ("country", "g", false),
        ("tag", "Night=night", true),
        ("tag", "Night", true),
        ("tag", "team=crm", false),
    ] {
        assert_eq!(search(name, value), expected, "{name}={value}");
    }
    assert!(Search::default().finds(&event));
}

#[test]
fn who_is_not_let_in_is_told_why() {
    let page = login("f0f0", "/messages", Some(Refusal::TooMany(12)));
    assert_harmless(&page);
    insta::assert_snapshot!("login", lines(&page));
    assert!(starting(Some("Redis is away")).contains("Redis is away"));
    let hostile = login("f0f0", &hostile(), None);
    assert_harmless(&hostile);
}

#[test]
fn a_silence_says_everything_where_it_matches_everything() {
    let list: ListReply<_> = from_value(sample_silences("x")).expect("silences");
    assert!(silences(&frame(), &list).contains("<strong>everything</strong>"));
    assert_eq!(crate::matching::write(&Map::new()), "");
}
