//! Rules from text, and events to try them on.

use std::collections::BTreeMap;
use std::sync::Arc;

use smswatch_model::{
    About, Alert, AlertState, CurrentStatus, DeliveryId, Event, EventId, EventKind, Fault,
    FaultTable, Message, MessageId, Notification, NotificationId, Outcome, Overrides, PartFacts,
    PreviousStatus, Severity, SmsId, Source, Timestamp,
};
use smswatch_rules::{Compiled, Document, NumberKey, Options, OverrideProblem, RuleSet, compile};
use smswatch_template::sample::samples;

pub(crate) const MAY: i64 = 1_777_631_329;

/// The sinks that there are; `slack` alone takes overrides: `channel` and `mention`.
const SINKS: [&str; 3] = ["mail", "slack", "crm"];

/// The one that has a fallback.
const WITH_FALLBACK: &str = "crm";

pub(crate) fn compiled(rules: &str) -> Compiled {
    let (document, mut problems) = Document::salvage("rules.yaml", rules);
    let sinks = SINKS.map(str::to_owned);
    let number_key: NumberKey = Arc::new(|number| format!("key of {number}"));
    let options = Options {
        sinks: &sinks,
        with_fallback: &[WITH_FALLBACK.to_owned()],
        sinks_file: "smswatch.yaml",
        check_overrides: &check_overrides,
        number_key: &number_key,
        texts_are_kept: true,
        numbers_are_masked: true,
        give_up_after: None,
        faults: &FaultTable::default(),
    };
    let Some(mut document) = document else {
        return Compiled {
            rules: RuleSet::default(),
            problems,
        };
    };
    problems.extend(document.substitute(
        &|name| (name == "SECRET").then(|| "hunter2".to_owned()),
        &|_| None,
    ));
    let compiled = compile(&document, document.find("/rules"), &options);
    problems.extend(compiled.problems);
    Compiled {
        rules: compiled.rules,
        problems,
    }
}

fn check_overrides(sink: &str, overrides: &mut Overrides) -> Vec<OverrideProblem> {
    let unknown = overrides
        .keys()
        .filter(|key| sink != "slack" || !["channel", "mention"].contains(&key.as_str()));
    let problem = |key: &String| OverrideProblem {
        key: Some(key.clone()),
        message: format!("`{sink}` takes no `{key}`"),
        hint: None,
    };
    unknown.map(problem).collect()
}

/// The rules in `list`, which are without fault.
pub(crate) fn rule_set(list: &str) -> RuleSet {
    let (rules, warnings) = compiled(&format!("rules:\n{list}"))
        .into_result()
        .map_err(shown)
        .expect("no error");
    assert_eq!(shown(warnings), "");
    rules
}

pub(crate) fn shown(problems: Vec<smswatch_rules::Diagnostic>) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// A message of one part that went from `Sent` to `Undelivered (Carrier Violation)`.
pub(crate) fn event() -> Event {
    change(Some("Sent"), "Undelivered", Some("Carrier Violation"))
}

pub(crate) fn change(previous: Option<&str>, status: &str, detail: Option<&str>) -> Event {
    let date = Timestamp::from_seconds(MAY);
    let is_final = ["Delivered", "Undelivered", "Failed", "Unsent"].contains(&status);
    let message = message(if is_final {
        Outcome::Failed
    } else {
        Outcome::Pending
    });
    Event {
        sequence: 3,
        source: Some(Source::Poll),
        detected_at: Timestamp::from_millis(date.as_millis() + 1_101),
        fault: Some(Fault::of(status, detail)),
        previous: previous.map(|status| PreviousStatus {
            status: status.to_owned(),
            detailed_status: None,
            date: Timestamp::from_seconds(MAY - 3),
        }),
        current: Some(CurrentStatus {
            status: status.to_owned(),
            detailed_status: detail.map(str::to_owned),
            description: None,
            date,
            is_final,
        }),
        part: PartFacts {
            sms_id: Some(SmsId::new("sms-1").expect("an id")),
            number: Some(1),
            price: serde_json::Number::from_f64(0.036),
            latency: Some(4.into()),
        },
        ..Event::bare(id("evt_1"), EventKind::StatusChanged, date, message)
    }
}

/// What is told of the message of all these events.
fn message(outcome: Outcome) -> Message {
    let [known, _] = samples(EventKind::StatusChanged);
    Message {
        message_id: Some(MessageId::new("3d0c6a3e-91d4").expect("an id")),
        outcome: Some(outcome),
        part_count: Some(1),
        to_key: Some("key of +306900000001".to_owned()),
        campaign: None,
        body_key: Some("key of the text".to_owned()),
        groups: vec!["customers".to_owned(), "vip".to_owned()],
        ..known.message
    }
}

/// An event of a kind that is about no status.
pub(crate) fn deadline(kind: EventKind) -> Event {
    Event {
        kind,
        source: None,
        previous: None,
        current: None,
        fault: None,
        part: PartFacts::default(),
        message: Message {
            outcome: None,
            ..event().message
        },
        ..event()
    }
}

/// The event that a message has been `Sent`, and not final `after` so many seconds.
pub(crate) fn stuck(after: u64) -> Event {
    Event {
        current: change(None, "Sent", None).current,
        part: event().part,
        after: Some(after),
        ..deadline(EventKind::Stuck)
    }
}

/// The event that the alert of a rule fires, or is resolved.
pub(crate) fn rate(rule: &str, kind: EventKind) -> Event {
    let state = match kind {
        EventKind::AlertResolved => AlertState::Resolved,
        _ => AlertState::Firing,
    };
    let by = [("country", "GR"), ("operator", "")];
    let alert = Alert {
        state,
        value: 40.5,
        count: 17,
        total: 42,
        window: "15m".to_owned(),
        by: by
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        started_at: Timestamp::from_seconds(MAY),
        ended_at: (state == AlertState::Resolved).then(|| Timestamp::from_seconds(MAY + 320)),
        held_back: 0,
        usual: None,
        common: Vec::new(),
    };
    Event {
        alert: Some(alert),
        ..own(kind, rule, Some("17 of 42, 40.5 %, over 15m"))
    }
}

/// An event about smswatch itself, which began a minute and a half before it was noticed.
pub(crate) fn own(kind: EventKind, name: &str, description: Option<&str>) -> Event {
    let event = unknown(deadline(kind));
    Event {
        detected_at: Timestamp::from_seconds(MAY + 90),
        message: Message {
            message_id: None,
            ..event.message
        },
        about: Some(About {
            name: name.to_owned(),
            description: description.map(str::to_owned),
            destination: None,
            campaign: None,
        }),
        ..event
    }
}

/// The same event without anything about people, places and names.
pub(crate) fn unknown(event: Event) -> Event {
    Event {
        message: Message {
            message_id: event.message.message_id,
            outcome: event.message.outcome,
            ..Message::unknown(&event.message.provider)
        },
        ..event
    }
}

/// The same event, of part `number` of `count`.
pub(crate) fn part(event: Event, number: u32, count: u32) -> Event {
    Event {
        event_id: id(&format!("evt_{number}")),
        part: PartFacts {
            sms_id: Some(SmsId::new(format!("sms-{number}")).expect("an id")),
            number: Some(number),
            ..event.part
        },
        message: Message {
            part_count: Some(count),
            ..event.message
        },
        ..event
    }
}

/// A notification by `rule` of `events`, which has no words yet.
pub(crate) fn notification(rule: &str, events: &[Event]) -> Notification {
    Notification {
        delivery_id: DeliveryId::new("dlv_1").expect("an id"),
        kind: events[0].kind,
        timestamp: events[0].detected_at,
        overrides: Overrides::new(),
        notification_id: NotificationId::new("ntf_1").expect("an id"),
        key: "key_1".to_owned(),
        rule: rule.to_owned(),
        severity: Severity::Warning,
        title: String::new(),
        text: String::new(),
        group: BTreeMap::new(),
        omitted: 0,
        common: Vec::new(),
        alert: None,
        links: Vec::new(),
        events: events.to_vec(),
        instead_of: None,
        deliveries: Vec::new(),
    }
}

fn id(text: &str) -> EventId {
    EventId::new(text).expect("an id")
}
