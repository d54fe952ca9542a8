//! What became of messages is counted as it is told, and stays bounded.

use serde_json::{Value, json};
use smswatch_model::Event;

use super::*;

/// An event of a message with `part_count` parts: its `sequence`, the status before and after, and how the message
/// does then.
fn event(sequence: u64, previous: Value, current: &str, outcome: &str) -> Event {
    let is_final = !matches!(current, "Sent" | "Queued");
    let previous = match previous {
        Value::String(status) => {
            json!({"status": status, "detailed_status": null, "date": "2026-05-01T10:28:40Z"})
        }
        _ => Value::Null,
    };
    let event = json!({
        "event_id": "evt_1", "type": "sms.status_changed", "sequence": sequence, "source": "poll",
        "time": "2026-05-01T10:28:49Z", "detected_at": "2026-05-01T10:59:59.900Z",
        "regression": false, "refined": false, "backfill": false, "late": false, "fault": "none",
        "previous": previous,
        "current": {"status": current, "detailed_status": null, "description": null,
                    "date": "2026-05-01T10:28:49Z", "final": is_final},
        "part": {"sms_id": "p1", "number": 1, "price": 0.036, "latency": 4},
        "message": {"provider": "routee", "message_id": "m1", "outcome": outcome, "part_count": 1,
                    "from": null, "to": null, "to_key": null, "country": "GR", "operator": null,
                    "label": null, "campaign": null, "application": null, "groups": [],
                    "direction": null, "tags": {}},
    });
    serde_json::from_value(event).expect("an event")
}

/// What the entries come to.
fn total(entries: &[&[Event]]) -> Tally {
    let mut hour = Hour::default();
    for entry in entries {
        let news = News::of(entry).expect("it says something");
        hour.add(&news.country, &news.operator, &news.tally);
    }
    let mut stats = Stats::default();
    stats.add(Timestamp::default(), &hour);
    stats.total
}

fn statuses(tally: &Tally) -> Vec<(&str, u64)> {
    tally.statuses().collect()
}

#[test]
fn a_message_is_counted_where_it_stands() {
    let seen = event(1, Value::Null, "Sent", "pending");
    let on_its_way = total(&[std::slice::from_ref(&seen)]);
    assert_eq!((on_its_way.messages(), on_its_way.pending()), (1, 1));
    assert_eq!(statuses(&on_its_way), [("Sent", 1)]);
    assert_eq!(on_its_way.delivery_seconds(), None);

    let delivered = event(2, json!("Sent"), "Delivered", "delivered");
    let done = total(&[std::slice::from_ref(&seen), &[delivered]]);
    assert_eq!(
        (done.messages(), done.delivered(), done.pending()),
        (1, 1, 0)
    );
    assert_eq!(statuses(&done), [("Delivered", 1)]);
    // Nine seconds are told as the end of their class.
    let seconds = Seconds {
        p50: 12,
        p95: 12,
        count: 1,
    };
    assert_eq!(done.delivery_seconds(), Some(seconds));

    let failed = event(2, json!("Sent"), "Undelivered", "failed");
    let lost = total(&[&[seen], &[failed]]);
    assert_eq!((lost.failed(), lost.delivered()), (1, 0));
    assert!((lost.undelivered_cost() - 0.036).abs() < 1e-9);
}

#[test]
fn a_final_status_that_changes_moves_its_message() {
    let entries = [
        event(1, Value::Null, "Undelivered", "failed"),
        event(2, json!("Undelivered"), "Delivered", "delivered"),
    ];
    let [first, second] = entries;
    let tally = total(&[&[first], &[second]]);
    assert_eq!((tally.delivered(), tally.failed()), (1, 0));
    assert_eq!(statuses(&tally), [("Delivered", 1)]);
    assert!(tally.undelivered_cost().abs() < 1e-9);
}

#[test]
fn a_detail_that_comes_later_counts_nothing_twice() {
    let seen = event(1, Value::Null, "Undelivered", "failed");
    let refined = Event {
        refined: true,
        ..event(2, json!("Undelivered"), "Undelivered", "failed")
    };
    let tally = total(&[&[seen], &[refined]]);
    assert_eq!((tally.messages(), tally.failed()), (1, 1));
    assert_eq!(statuses(&tally), [("Undelivered", 1)]);
    assert!((tally.undelivered_cost() - 0.036).abs() < 1e-9);
}

#[test]
fn two_parts_seen_at_once_are_one_message() {
    let mut parts = [
        event(1, Value::Null, "Delivered", "pending"),
        event(2, Value::Null, "Sent", "pending"),
    ];
    for part in &mut parts {
        part.message.part_count = Some(2);
    }
    let mut last = event(3, json!("Sent"), "Delivered", "delivered");
    last.message.part_count = Some(2);
    let tally = total(&[&parts, &[last]]);
    assert_eq!(
        (tally.messages(), tally.delivered(), tally.pending()),
        (1, 1, 0)
    );
    assert_eq!(statuses(&tally), [("Delivered", 2)]);
}

#[test]
fn countries_and_operators_beyond_the_bound_are_counted_together() {
    let mut hour = Hour::default();
    for n in 0..MOST_GROUPS + 7 {
        let mut event = event(1, Value::Null, "Delivered", "delivered");
        event.message.operator = Some(format!("operator-{n}"));
        let news = News::of(&[event]).expect("it says something");
        hour.add(&news.country, &news.operator, &news.tally);
    }
    let bytes = form::encode(FORMAT, &hour);
    assert_eq!(Hour::decode(&bytes), Some(hour.clone()));
    let mut stats = Stats::default();
    stats.add(Timestamp::default(), &hour);
    let n_messages = u64::try_from(MOST_GROUPS + 7).expect("few");
    assert_eq!(stats.total.messages(), n_messages);
    assert_eq!(stats.by_operator.len(), MOST_GROUPS + 1);
    assert_eq!(stats.by_operator[OTHER].messages(), 7);
    let by_country: u64 = stats.by_country.values().map(Tally::messages).sum();
    assert_eq!(by_country, n_messages);
}

#[test]
fn events_that_are_no_change_count_nothing() {
    let mut stuck = event(1, Value::Null, "Sent", "pending");
    stuck.kind = EventKind::Stuck;
    assert_eq!(News::of(&[stuck]), None);
    assert_eq!(News::of(&[]), None);
    let news = News::of(&[event(1, Value::Null, "Sent", "pending")]).expect("news");
    assert_eq!(
        (news.country.as_str(), news.operator.as_str()),
        ("GR", UNKNOWN)
    );
    // By when it was noticed: ten o'clock still.
    assert_eq!(hours::begin(news.hour).to_string(), "2026-05-01T10:00:00Z");
}

#[test]
fn what_is_told_after_it_was_recorded_counts_once() {
    let mut recorded = event(1, Value::Null, "Undelivered", "failed");
    recorded.backfill = true;
    let told = Event {
        sequence: 2,
        backfill: false,
        recorded: true,
        ..recorded.clone()
    };
    assert!(News::of(&[recorded]).is_some());
    assert!(News::of(&[told]).is_none());
}
