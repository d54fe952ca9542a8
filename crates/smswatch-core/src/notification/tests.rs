//! Names stay what they were when deliveries were first stored, because receivers know repeats by them;
//! and they depend on destination, rule and events alone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::json;
use smswatch_model::{Message, Repeated, Severity};

use super::*;
use crate::event::test_event;
use crate::rules::{RuleVerdict, Told};

fn now() -> Timestamp {
    Timestamp::from_seconds(1_777_636_800)
}

fn event(id: &str) -> Event {
    Event {
        event_id: EventId::new(id).expect("an id"),
        ..test_event("routee", "slack", now(), 1)
    }
}

/// What `rule` wants told to `sink` of the first events.
fn wanted(rule: &str, sink: &str, overrides: Overrides, n_events: usize) -> RuleMatch {
    RuleMatch {
        rule: rule.to_owned(),
        sink: sink.to_owned(),
        overrides,
        severity: Severity::Critical,
        group: BTreeMap::new(),
        gathering: None,
        is_once: false,
        events: (0..n_events).collect(),
    }
}

fn made(rule_match: &RuleMatch, events: &[Event]) -> NewDelivery {
    delivery(&rule_match.sink, &of_match(rule_match, events, now()))
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
    let names = |overrides, n_events| {
        let rule_match = wanted("carrier-violation", "slack", overrides, n_events);
        names(&made(&rule_match, &events))
    };
    assert_eq!(
        names(Overrides::new(), 1),
        [
            "dlv_2f864151e01158da7c1610fc1ef941f3",
            "ntf_9c901fd18a207c5d67916720758732e1",
            "key_9c901fd18a207c5d67916720758732e1",
        ]
    );
    assert_eq!(
        names(Overrides::new(), 2),
        [
            "dlv_8fea991406960fb9f6590797aa0c5f0c",
            "ntf_fe377706419d10b60b665191cfe393f4",
            "key_fe377706419d10b60b665191cfe393f4",
        ]
    );
    assert_eq!(
        names(channel, 1),
        [
            "dlv_f3f766b7ebf62384bbea9d9dcac5787c",
            "ntf_9c901fd18a207c5d67916720758732e1",
            "key_9c901fd18a207c5d67916720758732e1",
        ],
        "a notification has one name for all of its destinations"
    );
}

/// Rules that only say how often they were asked for words.
#[derive(Debug, Default)]
struct Talkative(AtomicUsize);

impl Rules for Talkative {
    fn measured(&self, _: &Event) -> Vec<crate::rules::Measured> {
        Vec::new()
    }

    fn stuck_after(&self) -> std::sync::Arc<[crate::rules::StuckAfter]> {
        std::sync::Arc::default()
    }

    fn matches(&self, _: &[Event], _: &Told) -> Vec<RuleMatch> {
        Vec::new()
    }

    fn words(&self, notification: &Notification, _: &str) -> Words {
        assert_eq!(
            (notification.title.as_str(), notification.text.as_str()),
            ("", "")
        );
        let n_asked = self.0.fetch_add(1, Ordering::Relaxed);
        Words {
            title: format!("title {n_asked}"),
            text: format!("text {n_asked}"),
            ..Words::default()
        }
    }

    fn explain(&self, _: &Event, _: &Told) -> Vec<RuleVerdict> {
        Vec::new()
    }
}

#[test]
fn a_rule_is_asked_for_words_once_for_all_destinations_of_a_sink_that_it_tells_the_same() {
    let events = [event("evt_1"), event("evt_2")];
    let other_channel = Overrides::from_iter([("channel".to_owned(), "#a".into())]);
    let matches = [
        wanted("one", "slack", Overrides::new(), 2),
        wanted("one", "slack", other_channel, 2),
        wanted("one", "mail", Overrides::new(), 2),
        wanted("one", "crm", Overrides::new(), 1),
        wanted("two", "mail", Overrides::new(), 2),
    ];
    let made = deliveries(&Talkative::default(), &matches, &events, now());
    let title = |delivery: &NewDelivery| {
        let stored = codec::decode_notification(&delivery.body).expect("it is readable");
        (delivery.sink.clone(), stored.title)
    };
    let told: Vec<(String, String)> = made.iter().map(title).collect();
    let expected = [
        ("slack", "title 0"),
        ("slack", "title 0"),
        ("mail", "title 1"),
        ("crm", "title 2"),
        ("mail", "title 3"),
    ];
    assert_eq!(
        told,
        expected.map(|(sink, title)| (sink.to_owned(), title.to_owned()))
    );
}

fn some_overrides() -> impl Strategy<Value = Overrides> {
    let value = prop_oneof!["[a-c]{0,2}", "#[a-c]"];
    let overrides = prop::collection::btree_map("[a-c]{1,2}", value, 0..3);
    overrides.prop_map(|overrides| {
        let overrides = overrides.into_iter();
        overrides.map(|(key, value)| (key, value.into())).collect()
    })
}

fn some_match() -> impl Strategy<Value = RuleMatch> {
    let severity = prop::sample::select(vec![Severity::Info, Severity::Critical]);
    let events = prop::sample::subsequence(vec![0_usize, 1, 2], 1..=3);
    let group = prop::collection::btree_map("[a-c]", "[a-c]", 0..2);
    (
        "[a-b]{1,2}",
        "[a-b]{1,2}",
        some_overrides(),
        severity,
        events,
        group,
    )
        .prop_map(
            |(rule, sink, overrides, severity, events, group)| RuleMatch {
                rule,
                sink,
                overrides,
                severity,
                group,
                gathering: None,
                is_once: false,
                events,
            },
        )
}

proptest! {
    #[test]
    fn ids_are_equal_for_equal_destinations_rules_and_events_and_for_no_others(
        one in some_match(),
        other in some_match(),
    ) {
        let events = [event("evt_1"), event("evt_2"), event("evt_3")];
        let [first, second] = [&one, &other].map(|wanted| of_match(wanted, &events, now()));
        let is_same_news = one.rule == other.rule && one.events == other.events;
        let is_same_place = one.sink == other.sink && one.overrides == other.overrides;
        prop_assert_eq!(first.notification_id == second.notification_id, is_same_news);
        prop_assert_eq!(first.key == second.key, is_same_news);
        prop_assert_eq!(first.delivery_id == second.delivery_id, is_same_news && is_same_place);
    }

    #[test]
    fn what_is_sent_elsewhere_has_the_names_that_its_rule_would_give_it_there(
        there in some_match(),
        from in some_match(),
    ) {
        let events = [event("evt_1"), event("evt_2"), event("evt_3")];
        let here = RuleMatch { sink: from.sink, overrides: from.overrides, ..there.clone() };
        let notification = of_match(&here, &events, now());
        let sent = readdressed(notification, &there.sink, there.overrides.clone());
        prop_assert_eq!(sent, made(&there, &events));
    }
}

#[test]
fn what_is_told_again_of_a_stuck_message_has_the_key_of_the_first_and_ids_of_its_own() {
    let rule_match = |n_events| wanted("slow", "s", Overrides::new(), n_events);
    let message = MessageId::new("M-1").expect("an id");
    let (registered_at, after) = (now(), Duration::from_secs(120));
    let stuck = |times: u64| {
        let repeated = (times > 0).then_some(Repeated { every: 600, times });
        let deadline = registered_at + after + Duration::from_secs(600 * times);
        let first = event(&format!("evt_{times}"));
        Event {
            event_id: match repeated {
                None => deadline_event_id(&message, EventKind::Stuck, deadline),
                Some(_) => first.event_id,
            },
            kind: EventKind::Stuck,
            time: deadline,
            repeated,
            message: Message {
                message_id: Some(message.clone()),
                ..first.message
            },
            ..first
        }
    };
    let told = [0, 1, 7].map(|times| names(&made(&rule_match(1), &[stuck(times)])));
    let of =
        |name: usize| -> BTreeSet<&str> { told.iter().map(|names| names[name].as_str()).collect() };
    assert_eq!((of(0).len(), of(1).len()), (3, 3), "{told:?}");
    assert_eq!(of(2).len(), 1, "{told:?}");
    let is_lasting = |times| of_match(&rule_match(1), &[stuck(times)], now()).has_lasting_key();
    assert!(
        is_lasting(0) && is_lasting(1),
        "a chat shows the repeats below the first"
    );
    let other = wanted("other", "s", Overrides::new(), 1);
    assert_ne!(names(&made(&other, &[stuck(1)]))[2], told[0][2]);
}

#[test]
fn that_a_sink_works_again_has_the_key_under_which_it_was_told_that_it_is_down() {
    let down = Event {
        kind: EventKind::SinkDown,
        ..event("evt_down")
    };
    let recovered = Event {
        kind: EventKind::SinkRecovered,
        ends: Some(down.event_id.clone()),
        ..event("evt_recovered")
    };
    let by = |rule: &str, event: &Event| {
        let of_rule = wanted(rule, "pager", Overrides::new(), 1);
        of_match(&of_rule, std::slice::from_ref(event), now())
    };
    let (began, ended) = (by("trouble", &down), by("well-again", &recovered));
    assert_eq!(began.key, ended.key);
    assert_ne!(began.notification_id, ended.notification_id);
    assert!(began.has_lasting_key() && ended.has_lasting_key());
    let next = Event {
        kind: EventKind::SinkDown,
        ..event("evt_down_again")
    };
    assert_ne!(by("trouble", &next).key, began.key);
}
