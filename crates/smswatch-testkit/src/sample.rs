//! Notifications to send in tests: the one that the design shows, and relatives of it.

use std::collections::BTreeMap;

use serde_json::Number;
use smswatch_model::{
    About, CurrentStatus, DeliveryId, Event, EventId, EventKind, Fault, Link, Message, MessageId,
    Notification, NotificationId, Outcome, Overrides, PartFacts, PreviousStatus, Severity, SmsId,
    Source, Tags, Timestamp,
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
    notification.links = vec![Link {
        title: "Runbook".to_owned(),
        url: "https://runbooks.example.com/carrier?a=1&b=2".to_owned(),
    }];
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
    let event = event(1);
    Event {
        event_id: EventId::new("evt_sinkdown").expect("visible ASCII"),
        kind: EventKind::SinkDown,
        sequence: 0,
        source: None,
        fault: Fault::None,
        previous: None,
        current: None,
        part: PartFacts::default(),
        message: Message {
            message_id: None,
            outcome: Outcome::Pending,
            part_count: 0,
            from: None,
            to: None,
            to_key: None,
            country: None,
            operator: None,
            label: None,
            application: None,
            originating_service: None,
            body_key: None,
            direction: None,
            tags: Tags::new(),
            ..event.message
        },
        about: Some(About {
            name: "crm".to_owned(),
            description: Some("it answered 503 Service Unavailable".to_owned()),
            destination: None,
            campaign: None,
        }),
        ..event
    }
}

/// The `n`th event of a sample, from 1.
fn event(n: usize) -> Event {
    Event {
        event_id: EventId::new(format!("evt_{n:032x}")).expect("visible ASCII"),
        kind: EventKind::StatusChanged,
        sequence: 3,
        source: Some(Source::Poll),
        time: instant("2026-05-01T10:28:49Z"),
        detected_at: instant("2026-05-01T10:28:50.101Z"),
        regression: false,
        refined: false,
        refines: None,
        after: None,
        repeated: None,
        alert: None,
        backfill: false,
        late: false,
        fault: Fault::Sender,
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
        message: Message {
            provider: "routee".to_owned(),
            message_id: Some(MessageId::new(format!("message-{n:04}")).expect("visible ASCII")),
            outcome: Outcome::Failed,
            part_count: 1,
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
        },
        about: None,
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("a date of RFC 3339")
}
