//! Shows what answers look like, and that their callers read what was told.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use smswatch_core::{HealthReport, Trouble, TroubleKind, WatchView};
use smswatch_model::{
    DeliveryId, DetailWord, MessageId, Outcome, Part, SmsId, Tags, Timestamp, Word,
};
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{Attempt, DeliveryState, Gauges, QueueGauge, StoredDelivery};

use super::*;
use crate::auth::Caller;

/// A reply as it goes over the wire. Whoever reads it there has the same reply again.
fn json<R>(reply: &R) -> String
where
    R: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let told = serde_json::to_string_pretty(reply).expect("replies are JSON");
    let read: R = serde_json::from_str(&told).expect("a reply can be read");
    assert_eq!(&read, reply);
    told
}

#[test]
fn a_watch_is_shown_with_its_parts() {
    let part = Part {
        sms_id: SmsId::new("part-1").expect("an id"),
        number: Some(1),
        status: Word::new("Undelivered"),
        date: 1_777_631_329,
        details: vec![DetailWord {
            status: Word::new("Undelivered"),
            word: Word::new("Carrier Violation"),
            date: 1_777_631_329,
        }],
        candidate: None,
        regressions: 0,
    };
    let view = WatchView {
        message_id: MessageId::new("message-1").expect("an id"),
        state: WatchState::Final,
        outcome: Outcome::Failed,
        tags: Tags::from([("team".to_owned(), "crm".to_owned())]),
        parts: vec![part],
        next_poll_at: None,
        registered_at: Some(Timestamp::from_millis(1_777_631_300_120)),
        trouble: Some(Trouble {
            kind: TroubleKind::Unreadable,
            since: Timestamp::from_seconds(1_777_631_400),
            polls: 3,
        }),
        is_readable: true,
    };
    insta::assert_snapshot!(json(&watch(view)), @r#"
    {
      "message_id": "message-1",
      "state": "final",
      "outcome": "failed",
      "tags": {
        "team": "crm"
      },
      "parts": [
        {
          "sms_id": "part-1",
          "number": 1,
          "status": "Undelivered",
          "detailed_status": "Carrier Violation",
          "date": "2026-05-01T10:28:49Z",
          "final": true
        }
      ],
      "next_poll_at": null,
      "registered_at": "2026-05-01T10:28:20.120Z",
      "trouble": {
        "kind": "unreadable",
        "message": "Routee's answers about this message cannot be read",
        "since": "2026-05-01T10:30:00Z",
        "polls": 3
      }
    }
    "#);
}

#[test]
fn a_delivery_is_shown_with_its_attempts_and_without_what_it_says() {
    let delivery = StoredDelivery {
        id: DeliveryId::new("dlv_1").expect("an id"),
        sink: "crm".to_owned(),
        rule: "carrier-violation".to_owned(),
        state: DeliveryState::Pending,
        message_ids: vec![MessageId::new("message-1").expect("an id")],
        created_at: Timestamp::from_seconds(1_777_631_330),
        queued_at: Timestamp::from_seconds(1_777_631_330),
        next_attempt_at: Some(Timestamp::from_seconds(1_777_631_336)),
        attempts_made: 47,
        attempts: vec![Attempt {
            at: Timestamp::from_seconds(1_777_631_331),
            result: "retry".to_owned(),
            detail: "it answered 503".to_owned(),
        }],
        body: b"\x01what it says".to_vec(),
    };
    let newer = StoredDelivery {
        body: b"\x09what it says".to_vec(),
        ..delivery.clone()
    };
    assert_eq!(
        super::delivery(newer).reason.as_deref(),
        Some("later_version")
    );
    insta::assert_snapshot!(json(&super::delivery(delivery)), @r#"
    {
      "id": "dlv_1",
      "sink": "crm",
      "rule": "carrier-violation",
      "state": "pending",
      "message_ids": [
        "message-1"
      ],
      "next_attempt_at": "2026-05-01T10:28:56Z",
      "attempts_made": 47,
      "attempts": [
        {
          "at": "2026-05-01T10:28:51Z",
          "result": "retry",
          "detail": "it answered 503"
        }
      ],
      "created_at": "2026-05-01T10:28:50Z",
      "queued_at": "2026-05-01T10:28:50Z"
    }
    "#);
}

#[test]
fn only_a_part_in_trouble_has_trouble() {
    let report = HealthReport {
        ready: true,
        parts: BTreeMap::from([
            ("store".to_owned(), None),
            (
                "provider".to_owned(),
                Some("it refuses the credentials".to_owned()),
            ),
            ("sink:crm".to_owned(), None),
        ]),
    };
    insta::assert_snapshot!(json(&ready(report, Caller::Known)), @r#"
    {
      "ready": true,
      "parts": {
        "provider": {
          "ok": false,
          "trouble": "it refuses the credentials"
        },
        "sink:crm": {
          "ok": true
        },
        "store": {
          "ok": true
        }
      }
    }
    "#);
}

#[test]
fn a_stranger_is_told_which_part_is_in_trouble_and_not_what_others_have_said() {
    let parts = [
        "store",
        "provider",
        "polling",
        "heartbeat",
        "configuration",
        "contents",
        "replicas",
        "sink:crm",
    ];
    let trouble = |part: &str| (part.to_owned(), Some("it answered: hunter2".to_owned()));
    let report = HealthReport {
        ready: false,
        parts: parts.into_iter().map(trouble).collect(),
    };
    insta::assert_snapshot!(json(&ready(report, Caller::Stranger)));
}

#[test]
fn the_status_counts_every_state_but_what_was_removed() {
    let health = HealthReport {
        ready: false,
        parts: BTreeMap::from([("store".to_owned(), None)]),
    };
    let gauges = Gauges {
        watches: vec![(WatchState::Watching, 3), (WatchState::Removed, 2)],
        unrouted: 1,
        set_aside: 2,
        queues: vec![QueueGauge {
            sink: "crm".to_owned(),
            pending: 2,
            left: 0,
            dead: 1,
            oldest: Some(Timestamp::from_seconds(1_777_631_330)),
        }],
    };
    let mut status = status(health, gauges, &BTreeMap::new(), 2);
    assert_eq!(status.version, smswatch_plugin::VERSION);
    status.version = "VERSION".to_owned();
    insta::assert_snapshot!(json(&status), @r#"
    {
      "version": "VERSION",
      "ready": false,
      "parts": {
        "store": {
          "ok": true
        }
      },
      "watches": {
        "final": 0,
        "gave_up": 0,
        "not_found": 0,
        "watching": 3
      },
      "queues": [
        {
          "sink": "crm",
          "pending": 2,
          "dead": 1,
          "oldest": "2026-05-01T10:28:50Z"
        }
      ],
      "unrouted": 1,
      "set_aside": 2,
      "silences": 2
    }
    "#);
}
