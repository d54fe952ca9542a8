//! What tests show on pages: an evening on which an operator fails, and texts that mean harm.

use serde_json::{Value, from_value, json};
use smswatch_api::groups::GroupReply;
use smswatch_api::health::StatusReply;
use smswatch_api::list::ExcerptReply;
use smswatch_model::{Event, Timestamp};

use crate::day::Told;
use crate::frame::{Frame, Visitor};
use crate::now::{Known, Now};

/// A text that runs, turns what stands beside it, and is longer than any page is wide.
pub(crate) fn hostile() -> String {
    format!(
        "<script>alert('x')</script>\"'\u{202e}{}",
        "é&".repeat(5_000)
    )
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// The page around what a visitor sees who may change everything.
pub(crate) fn frame() -> Frame {
    Frame {
        version: "0.1.0".to_owned(),
        visitor: Visitor {
            name: Some("ann".to_owned()),
            may_change: true,
            form_key: "f0f0".to_owned(),
        },
        now: instant("2026-05-01T22:40:00Z"),
        done: None,
    }
}

/// The same for a visitor who may only read.
pub(crate) fn reader() -> Frame {
    let frame = frame();
    Frame {
        visitor: Visitor {
            may_change: false,
            ..frame.visitor
        },
        ..frame
    }
}

fn figures(delivered: u64, failed: u64, pending: u64, p50: u32) -> Value {
    let ended = (delivered + failed).max(1);
    let percent = |count: u64| (count * 1000 / ended) as f64 / 10.0;
    json!({
        "messages": delivered + failed + pending,
        "by_status": {},
        "by_outcome": {"delivered": delivered, "failed": failed, "pending": pending},
        "percent_by_outcome": {"delivered": percent(delivered), "failed": percent(failed)},
        "delivery_seconds": (delivered > 0).then(|| json!({"p50": p50, "p95": p50 * 6, "count": delivered})),
        "undelivered_cost": failed as f64 * 0.036,
    })
}

fn stats() -> Value {
    let hours = (0..4).map(|hour| {
        let mut figures = match hour {
            3 => figures(40, 60, 12, 90),
            1 => figures(0, 0, 0, 0),
            _ => figures(120, 3, 0, 5),
        };
        figures["from"] = json!(format!("2026-05-01T{}:00:00Z", 19 + hour));
        figures
    });
    let mut stats = figures(280, 66, 12, 5);
    stats["window"] = json!("24h");
    stats["from"] = json!("2026-05-01T19:00:00Z");
    stats["to"] = json!("2026-05-01T22:40:00Z");
    stats["by_hour"] = hours.collect();
    stats
}

/// An alert of a rule that fires since a while.
pub(crate) fn firing(rule: &str) -> Event {
    let event = json!({
        "event_id": "evt_1", "type": "alert.firing", "sequence": 0, "source": null,
        "time": "2026-05-01T22:12:00Z", "detected_at": "2026-05-01T22:12:00Z",
        "regression": false, "refined": false, "backfill": false, "late": false, "fault": "carrier",
        "previous": null, "current": null,
        "part": {"sms_id": null, "number": null, "price": null, "latency": null},
        "message": {"provider": "routee", "message_id": null, "outcome": "pending", "part_count": 0,
            "from": null, "to": null, "to_key": null, "country": null, "operator": null, "label": null,
            "campaign": null, "application": null, "groups": [], "direction": null, "tags": {}},
        "about": {"name": rule, "description": null},
        "alert": {"state": "firing", "value": 60.0, "count": 60, "total": 100, "window": "15m",
            "by": {"operator": "Example Mobile"}, "started_at": "2026-05-01T22:12:00Z", "ended_at": null,
            "held_back": 41, "usual": 2.1,
            "common": [{"key": "country", "value": "GR", "count": 58, "of": 60, "percent_of_traffic": 31}]},
    });
    from_value(event).expect("an event")
}

/// A message of that operator that the carrier did not bring.
fn failed(text: &str, n: u64) -> Event {
    let event = json!({
        "event_id": format!("evt_f{n}"), "type": "sms.status_changed", "sequence": 1, "source": "poll",
        "time": "2026-05-01T22:30:00Z", "detected_at": "2026-05-01T22:30:00Z",
        "regression": false, "refined": false, "backfill": false, "late": false, "fault": "carrier",
        "previous": null,
        "current": {"status": "Undelivered", "detailed_status": text, "description": text,
            "date": "2026-05-01T22:30:00Z", "final": true},
        "part": {"sms_id": "p1", "number": 1, "price": 0.036, "latency": 4},
        "message": {"provider": "routee", "message_id": format!("f{n}"), "outcome": "failed", "part_count": 1,
            "from": text, "to": "+3069******01", "to_key": null, "country": "GR", "operator": "Example Mobile",
            "label": text, "campaign": null, "application": null, "groups": [], "direction": null, "tags": {}},
    });
    from_value(event).expect("an event")
}

/// The event that a message is stuck.
fn stuck(text: &str) -> Event {
    let event = json!({
        "event_id": "evt_2", "type": "sms.stuck", "sequence": 2, "source": "poll",
        "time": "2026-05-01T22:09:00Z", "detected_at": "2026-05-01T22:09:00Z",
        "regression": false, "refined": false, "backfill": false, "late": false, "fault": "none",
        "previous": null, "current": null,
        "part": {"sms_id": null, "number": null, "price": null, "latency": null},
        "message": {"provider": "routee", "message_id": "m7", "outcome": "pending", "part_count": 1,
            "from": text, "to": "+3069******01", "to_key": null, "country": "GR", "operator": text, "label": text,
            "campaign": null, "application": null, "groups": [], "direction": null, "tags": {}},
        "after": 600,
    });
    from_value(event).expect("an event")
}

/// A group that is told in two minutes.
fn group(text: &str) -> GroupReply {
    GroupReply {
        rule: text.to_owned(),
        sink: text.to_owned(),
        group: [("operator", text), ("tags.team", "crm")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        events: 12,
        since: None,
        next_notification_at: instant("2026-05-01T22:42:00Z"),
    }
}

fn told(rule: &str) -> Told {
    let delivery = |index: usize, state: &str| {
        let delivery = json!({
            "id": format!("dlv_{index}"), "sink": "pager", "rule": rule, "state": state,
            "message_ids": [format!("m{index}")], "next_attempt_at": null, "attempts_made": 1,
            "attempts": [{"at": "2026-05-01T22:13:00Z", "result": state, "detail": "it answered 401"}],
            "created_at": "2026-05-01T22:12:30Z", "queued_at": "2026-05-01T22:12:30Z",
        });
        from_value(delivery).expect("a delivery")
    };
    Told {
        deliveries: vec![
            delivery(1, "delivered"),
            delivery(2, "dead"),
            delivery(3, "pending"),
        ],
        is_cut: true,
    }
}

fn status(reason: &str) -> StatusReply {
    let status = json!({
        "version": "0.1.0", "ready": true,
        "parts": {"store": {"ok": true}, "provider": {"ok": true},
            "sink:pager": {"ok": false, "trouble": reason}},
        "watches": {"watching": 12, "final": 346, "gave_up": 0, "not_found": 0},
        "queues": [
            {"sink": "ops-slack", "pending": 0, "dead": 0, "oldest": null},
            {"sink": "pager", "pending": 6, "dead": 12, "oldest": "2026-05-01T22:20:00Z",
             "dead_since": "2026-05-01T22:14:00Z", "dead_last_at": "2026-05-01T22:31:00Z", "dead_reason": reason},
        ],
        "unrouted": 0, "set_aside": 1, "silences": 1,
    });
    from_value(status).expect("a status")
}

/// An operator fails, and a receiver with it; `text` is said wherever others can say something.
pub(crate) fn incident(text: &str) -> Now {
    let status = status(text);
    let sinks = json!([
        {"sink": "ops-slack", "state": "paused", "paused_since": "2026-05-01T20:00:00Z", "open_since": null,
         "open_reason": null, "held_until": null},
        {"sink": "pager", "state": "open", "paused_since": null, "open_since": "2026-05-01T22:20:10Z",
         "open_reason": text, "held_until": null},
    ]);
    Now {
        health: status.health.clone(),
        known: Some(Known {
            status,
            sinks: from_value(sinks).expect("sinks"),
            firing: vec![firing(text)],
            stuck: ExcerptReply {
                items: vec![stuck(text)],
                next: None,
                more: true,
            },
            groups: ExcerptReply {
                items: vec![group(text); 7],
                ..ExcerptReply::default()
            },
            lag_seconds: Some(14),
            stats: from_value(stats()).expect("stats"),
            told: told(text),
            latest: vec![failed(text, 1), failed(text, 2)],
        }),
    }
}

/// Nothing is wrong, and nothing was seen.
pub(crate) fn quiet() -> Now {
    let status = json!({
        "version": "0.1.0", "ready": true, "parts": {"store": {"ok": true}},
        "watches": {"watching": 0}, "queues": [], "unrouted": 0, "set_aside": 0, "silences": 0,
    });
    let status: StatusReply = from_value(status).expect("a status");
    let stats = json!({"window": "24h", "from": "2026-05-01T22:00:00Z", "to": "2026-05-01T22:40:00Z",
        "messages": 0, "delivery_seconds": null, "by_hour": []});
    Now {
        health: status.health.clone(),
        known: Some(Known {
            status,
            sinks: Vec::new(),
            firing: Vec::new(),
            stuck: ExcerptReply::default(),
            groups: ExcerptReply::default(),
            lag_seconds: None,
            stats: from_value(stats).expect("stats"),
            told: Told::default(),
            latest: Vec::new(),
        }),
    }
}

/// A page as a snapshot shows it: a line for each element, and the same names of files whatever they hold.
pub(crate) fn lines(page: &str) -> String {
    let page = page.replace("><", ">\n<");
    [
        crate::assets::style(),
        crate::assets::script(),
        crate::assets::icon(),
    ]
    .iter()
    .fold(page, |page, path| {
        let name = path.split('-').next().unwrap_or_default();
        page.replace(path, &format!("{name}-HASH"))
    })
}

/// Fails if a text of others could run, or if the page is larger than a page may be.
#[track_caller]
pub(crate) fn assert_harmless(page: &str) {
    assert!(page.len() < 200_000, "{} bytes", page.len());
    assert_eq!(
        page.matches("<script").count(),
        1,
        "the one script is our own"
    );
    for forbidden in [" style=", "javascript:", " onclick", "http://", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}
