//! The names that deliveries have had since they were first stored: receivers know repeats by them.

use std::collections::BTreeMap;

use serde_json::json;
use smswatch_model::{Event, EventId, Overrides, Severity, Timestamp};

use crate::announce::test_event;
use crate::codec;
use crate::rules::RuleMatch;
use crate::store::NewDelivery;

fn now() -> Timestamp {
    Timestamp::from_seconds(1_777_636_800)
}

fn event(id: &str) -> Event {
    Event {
        event_id: EventId::new(id).expect("an id"),
        ..test_event("routee", "slack", now(), 1)
    }
}

fn delivery(overrides: Overrides, events: &[Event]) -> NewDelivery {
    let rule_match = RuleMatch {
        rule: "carrier-violation".to_owned(),
        sink: "slack".to_owned(),
        overrides,
        severity: Severity::Critical,
        title: String::new(),
        text: String::new(),
        group: BTreeMap::new(),
        events: (0..events.len()).collect(),
    };
    super::delivery(rule_match, events, now())
}

/// The ids and the key of a delivery.
fn names(delivery: &NewDelivery) -> [String; 3] {
    let stored = codec::decode_notification(&delivery.body).expect("it is readable");
    assert_eq!(stored.delivery_id, delivery.id);
    [
        delivery.id.to_string(),
        stored.notification_id.to_string(),
        stored.key,
    ]
}

#[test]
fn a_delivery_keeps_the_names_that_it_has_had_since_it_was_first_stored() {
    let events = [event("evt_1"), event("evt_2")];
    let channel = Overrides::from_iter([
        ("mention".to_owned(), json!(["@here"])),
        ("channel".to_owned(), json!("#a")),
    ]);
    assert_eq!(
        names(&delivery(Overrides::new(), &events[..1])),
        [
            "dlv_2f864151e01158da7c1610fc1ef941f3",
            "ntf_9c901fd18a207c5d67916720758732e1",
            "key_9c901fd18a207c5d67916720758732e1",
        ]
    );
    assert_eq!(
        names(&delivery(Overrides::new(), &events)),
        [
            "dlv_8fea991406960fb9f6590797aa0c5f0c",
            "ntf_fe377706419d10b60b665191cfe393f4",
            "key_fe377706419d10b60b665191cfe393f4",
        ]
    );
    assert_eq!(
        names(&delivery(channel, &events[..1])),
        [
            "dlv_f3f766b7ebf62384bbea9d9dcac5787c",
            "ntf_9c901fd18a207c5d67916720758732e1",
            "key_9c901fd18a207c5d67916720758732e1",
        ],
        "a notification has one name for all of its destinations"
    );
}
