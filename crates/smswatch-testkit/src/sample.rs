//! Notifications to send in tests: the one that the design shows, and relatives of it.

use std::collections::BTreeMap;

use serde_json::Number;
use smswatch_model::{
    About, Alert, AlertState, CurrentStatus, DeliveryId, Event, EventId, EventKind, Fault, Link,
    Message, MessageId, Notification, NotificationId, Outcome, Overrides, PartFacts,
    PreviousStatus, Severity, SmsId, Source, Tags, Timestamp,
};

/// Letters, quotes, markup and signs that a careless sink would damage or obey.
pub const ODD_TEXT: &str = "Ελληνικά 🚨 \"quoted\" it's <b>bold</b> & <!channel> {{ 1 }} \\ end";

/// One message that its carrier refused, as in the description of the payloads.
#[must_use]
pub fn notification() -> Notification {
    notification_of(1)
}

/// A notification of `n` events, each about a message of its own.
///
/// # Panics
///
/// `n` is zero.
#[must_use]
pub fn notification_of(n: usize) -> Notification {
    assert!(n > 0, "a sample notification has at least one event");
    let events: Vec<Event> = (1..=n).map(event).collect();
    let title = match n {
        1 => "Carrier Violation: 1 message from MyShop to GR".to_owned(),
        _ => format!("Carrier Violation: {n} messages from MyShop to GR"),
    };
    Notification {
        delivery_id: DeliveryId::new(format!("dlv_{n:032x}")).expect("visible ASCII"),
        kind: EventKind::StatusChanged,
        timestamp: instant("2026-05-01T10:28:50.120Z"),
        overrides: Overrides::new(),
        notification_id: NotificationId::new(format!("ntf_{n:032x}")).expect("visible ASCII"),
        key: "carrier-violation".to_owned(),
        rule: "carrier-violation".to_owned(),
        severity: Severity::Critical,
        title,
        text: "The carrier blocked it because of its content or its sender.".to_owned(),
        group: BTreeMap::new(),
        omitted: 0,
        common: Vec::new(),
        alert: None,
        links: Vec::new(),
        events,
        instead_of: None,
        deliveries: Vec::new(),
    }
}

/// The sample under the name of the `n`th delivery, to tell several from each other.
#[must_use]
pub fn numbered(n: usize) -> Notification {
    let mut notification = notification();
    notification.delivery_id =
        DeliveryId::new(format!("dlv_numbered{n:024x}")).expect("visible ASCII");
    notification
}

/// A notification of a group, with a link and with events beyond those it shows.
#[must_use]
pub fn grouped() -> Notification {
    let mut notification = notification_of(3);
    notification.severity = Severity::Warning;
    notification.group = BTreeMap::from([
        ("country".to_owned(), "GR".to_owned()),
        ("operator".to_owned(), "Example Mobile".to_owned()),
    ]);
    notification.omitted = 9;
    notification.links = vec![runbook()];
    notification
}

fn runbook() -> Link {
    Link {
        title: "Runbook".to_owned(),
        url: "https://runbooks.example.com/carrier?a=1&b=2".to_owned(),
    }
}

/// The sample with the words that rules have by default, and a link.
#[must_use]
pub fn worded() -> Notification {
    let mut notification = notification();
    notification.text = "From MyShop to +3069******01 (GR, Example Mobile)\n\
        Label order-17 · tags team=crm\n\
        Sent → Undelivered (Carrier Violation) at 2026-05-01 10:28:49 UTC, 3 s later\n\
        Routee says: The message was blocked by the carrier\n\
        Stopped by the carrier's content or spam filter. The sender can act: change the text or the sender name.\n\
        Message message-0001"
        .to_owned();
    notification.links = vec![runbook()];
    notification
}

/// The notification of a group with such words.
#[must_use]
pub fn worded_group() -> Notification {
    let mut notification = grouped();
    notification.title = "Carrier Violation: 12 messages to GR, Example Mobile".to_owned();
    notification.text = "In common: from MyShop (12 of 12 failures, 9% of the traffic)\n\
        Stopped by the carrier's content or spam filter. The sender can act: change the text or the sender name."
        .to_owned();
    let labels = ["order-17", "order-18", "reminder-4"];
    for (event, label) in notification.events.iter_mut().zip(labels) {
        let number = event.event_id.as_str().chars().last().unwrap_or_default();
        event.message.to = Some(format!("+3069******{number}7"));
        event.message.label = Some(label.to_owned());
        let id = format!("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb0{number}");
        event.message.message_id = MessageId::new(id).ok();
    }
    notification
}

/// The alert of a rate that is over.
#[must_use]
pub fn resolved() -> Notification {
    let mut notification = notification();
    notification.kind = EventKind::AlertResolved;
    notification.rule = "undelivered-rate".to_owned();
    notification.severity = Severity::Warning;
    notification.title = "Resolved: undelivered-rate in GR, Example Mobile".to_owned();
    notification.text = "2 of 64, 3.1 %, over 15m\nFired for 26 min".to_owned();
    let by = BTreeMap::from([
        ("country".to_owned(), "GR".to_owned()),
        ("operator".to_owned(), "Example Mobile".to_owned()),
    ]);
    notification.alert = Some(Alert {
        state: AlertState::Resolved,
        value: 3.1,
        count: 2,
        total: 64,
        window: "15m".to_owned(),
        by: by.clone(),
        started_at: instant("2026-05-01T10:28:49Z"),
        ended_at: Some(instant("2026-05-01T10:54:49Z")),
        held_back: 0,
        usual: None,
        common: Vec::new(),
    });
    notification.group = by;
    let mut event = own_event();
    event.kind = EventKind::AlertResolved;
    event.about = None;
    notification.events = vec![event];
    notification.links = vec![runbook()];
    notification
}

/// The sample with [`ODD_TEXT`] wherever text of other people can stand.
#[must_use]
pub fn odd() -> Notification {
    let mut notification = notification();
    notification.title = ODD_TEXT.to_owned();
    notification.text = format!("{ODD_TEXT}\nand a second line");
    let message = &mut notification.events[0].message;
    message.from = Some(ODD_TEXT.to_owned());
    message.label = Some(ODD_TEXT.to_owned());
    message.tags = Tags::from([(ODD_TEXT.to_owned(), ODD_TEXT.to_owned())]);
    notification
}

/// The sample with text that breaks lines, headers and markup, and is longer than any receiver takes.
#[must_use]
pub fn hostile() -> Notification {
    let text = "\r\nBcc: x@example.com\r\n.\r\n\0\u{202e}\u{7f}<script>]]>&#0;\u{10ffff}";
    let mut notification = notification();
    notification.title = format!("{text}{}", "x".repeat(10_000));
    notification.text = format!("{text}\n{}", "y ".repeat(50_000));
    let message = &mut notification.events[0].message;
    message.from = Some(text.to_owned());
    message.label = Some(text.repeat(300));
    message.operator = Some(text.to_owned());
    notification
}

/// A notification that is about no message: another sink is down.
#[must_use]
pub fn sink_down() -> Notification {
    let mut notification = notification();
    notification.delivery_id = DeliveryId::new("dlv_sinkdown").expect("visible ASCII");
    notification.kind = EventKind::SinkDown;
    notification.key = "sink-down".to_owned();
    notification.rule = "sink-down".to_owned();
    notification.title = "Sink crm is down: its alerts wait".to_owned();
    notification.text = "Deliveries to crm fail since 2026-05-01 10:28:49 UTC.".to_owned();
    notification.events = vec![own_event()];
    notification
}

/// An event about a sink.
fn own_event() -> Event {
    let event_id = EventId::new("evt_sinkdown").expect("visible ASCII");
    let time = instant("2026-05-01T10:28:49Z");
    let message = Message::unknown("routee");
    Event {
        detected_at: instant("2026-05-01T10:28:50.101Z"),
        about: Some(About {
            name: "crm".to_owned(),
            description: Some("it answered 503 Service Unavailable".to_owned()),
            destination: None,
            campaign: None,
        }),
        ..Event::bare(event_id, EventKind::SinkDown, time, message)
    }
}

/// The `n`th event of a sample, from 1.
fn event(n: usize) -> Event {
    let event_id = EventId::new(format!("evt_{n:032x}")).expect("visible ASCII");
    let time = instant("2026-05-01T10:28:49Z");
    let message = message(n);
    Event {
        sequence: 3,
        source: Some(Source::Poll),
        detected_at: instant("2026-05-01T10:28:50.101Z"),
        fault: Some(Fault::Sender),
        previous: Some(PreviousStatus {
            status: "Sent".to_owned(),
            detailed_status: None,
            date: instant("2026-05-01T10:28:46Z"),
        }),
        current: Some(CurrentStatus {
            status: "Undelivered".to_owned(),
            detailed_status: Some("Carrier Violation".to_owned()),
            description: Some("The message was blocked by the carrier".to_owned()),
            date: instant("2026-05-01T10:28:49Z"),
            is_final: true,
        }),
        part: PartFacts {
            sms_id: Some(SmsId::new(format!("sms-{n:04}")).expect("visible ASCII")),
            number: Some(1),
            price: Number::from_f64(0.036),
            latency: Some(Number::from(4)),
        },
        ..Event::bare(event_id, EventKind::StatusChanged, time, message)
    }
}

/// What is told of the message of the `n`th event.
fn message(n: usize) -> Message {
    Message {
        provider: "routee".to_owned(),
        message_id: Some(MessageId::new(format!("message-{n:04}")).expect("visible ASCII")),
        outcome: Some(Outcome::Failed),
        part_count: Some(1),
        from: Some("MyShop".to_owned()),
        to: Some("+3069******01".to_owned()),
        to_key: Some("key-of-the-recipient".to_owned()),
        country: Some("GR".to_owned()),
        operator: Some("Example Mobile".to_owned()),
        label: Some("order-17".to_owned()),
        campaign: None,
        application: Some("default".to_owned()),
        originating_service: Some("Sms".to_owned()),
        body_key: Some("key-of-the-text".to_owned()),
        body: None,
        groups: Vec::new(),
        direction: Some("Outbound".to_owned()),
        tags: Tags::from([("team".to_owned(), "crm".to_owned())]),
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("a date of RFC 3339")
}
