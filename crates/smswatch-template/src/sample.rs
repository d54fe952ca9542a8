//! Events and notifications to try templates and expressions on: one of which everything is known, and
//! one of which as little as possible is.

use std::collections::BTreeMap;

use smswatch_model::{
    About, Alert, AlertState, CampaignOperator, CampaignSummary, Common, CurrentStatus, DeliveryId,
    Event, EventId, EventKind, Fault, Link, Message, MessageId, Notification, NotificationId,
    Outcome, Overrides, PartFacts, PreviousStatus, Repeated, Severity, SmsId, Source, Tags,
    Timestamp,
};

/// Events of this kind: everything known, and next to nothing.
#[must_use]
pub fn samples(kind: EventKind) -> [Event; 2] {
    [full(kind), sparse(kind)]
}

/// Notifications of this kind: of the one event, of the other, and of both.
#[must_use]
pub fn sample_notifications(kind: EventKind) -> [Notification; 3] {
    let [full, sparse] = samples(kind);
    [vec![full.clone()], vec![sparse.clone()], vec![full, sparse]].map(notification)
}

/// The same notification with `n_links` links.
#[must_use]
pub fn with_links(notification: &Notification, n_links: usize) -> Notification {
    let link = Link {
        title: "Runbook".to_owned(),
        url: "https://example.com/runbook".to_owned(),
    };
    Notification {
        links: vec![link; n_links],
        ..notification.clone()
    }
}

/// The notification of a group, whose keys are these.
#[must_use]
pub fn with_group(notification: Notification, keys: &[String]) -> Notification {
    let group = keys.iter().map(|key| (key.clone(), "GR".to_owned()));
    Notification {
        group: group.collect(),
        ..notification
    }
}

fn notification(events: Vec<Event>) -> Notification {
    Notification {
        delivery_id: DeliveryId::new("dlv_0123456789abcdef").expect("visible ASCII"),
        kind: events[0].kind,
        timestamp: events[0].detected_at,
        overrides: Overrides::new(),
        notification_id: NotificationId::new("ntf_0123456789abcdef").expect("visible ASCII"),
        key: "key_0123456789abcdef".to_owned(),
        rule: "a-rule".to_owned(),
        severity: Severity::Warning,
        title: "A title".to_owned(),
        text: "A text".to_owned(),
        group: BTreeMap::new(),
        omitted: 0,
        common: vec![Common {
            key: "operator".to_owned(),
            value: "Example Mobile".to_owned(),
            count: 41,
            of: 42,
            percent_of_traffic: 18,
        }],
        alert: events[0].alert.clone(),
        links: Vec::new(),
        events,
        instead_of: None,
        deliveries: Vec::new(),
    }
}

fn full(kind: EventKind) -> Event {
    let date = Timestamp::from_seconds(1_777_631_329);
    let sparse = sparse(kind);
    let message = Message {
        part_count: Some(2),
        from: Some("MyShop".to_owned()),
        to: Some("+3069******01".to_owned()),
        to_key: Some("0123456789abcdef0123456789abcdef".to_owned()),
        country: Some("GR".to_owned()),
        operator: Some("Example Mobile".to_owned()),
        label: Some("order-17".to_owned()),
        campaign: Some("Spring".to_owned()),
        application: Some("default".to_owned()),
        originating_service: Some("Sms".to_owned()),
        body_key: Some("fedcba9876543210fedcba9876543210".to_owned()),
        body: Some("Your parcel is ready".to_owned()),
        groups: vec!["customers".to_owned()],
        direction: Some("Outbound".to_owned()),
        tags: Tags::from([("team".to_owned(), "crm".to_owned())]),
        ..sparse.message.clone()
    };
    if let Some(about) = sparse.about {
        let description = Some("It answered 503 Service Unavailable.".to_owned());
        let about = Some(About {
            description,
            ..about
        });
        let alert = sparse.alert.map(|alert| Alert {
            usual: Some(3.1),
            ..alert
        });
        let repeated = (kind == EventKind::AlertFiring).then_some(REPEATED);
        return Event {
            about,
            alert,
            repeated,
            ..sparse
        };
    }
    if kind == EventKind::Stuck {
        let current = CurrentStatus {
            status: "Sent".to_owned(),
            detailed_status: Some("Roaming".to_owned()),
            description: None,
            date,
            is_final: false,
        };
        let part = PartFacts {
            number: Some(1),
            ..sparse.part.clone()
        };
        let current = Some(current);
        return Event {
            current,
            part,
            message,
            repeated: Some(REPEATED),
            ..sparse
        };
    }
    if kind != EventKind::StatusChanged {
        return Event { message, ..sparse };
    }
    Event {
        sequence: 3,
        fault: Some(Fault::Sender),
        previous: Some(PreviousStatus {
            status: "Sent".to_owned(),
            detailed_status: Some("Roaming".to_owned()),
            date: Timestamp::from_seconds(date.as_seconds() - 3),
        }),
        current: Some(CurrentStatus {
            status: "Undelivered".to_owned(),
            detailed_status: Some("Carrier Violation".to_owned()),
            description: Some("The carrier refused it.".to_owned()),
            date,
            is_final: true,
        }),
        part: PartFacts {
            number: Some(1),
            price: serde_json::Number::from_f64(0.036),
            latency: Some(4.into()),
            ..sparse.part
        },
        message: Message {
            outcome: Some(Outcome::Failed),
            ..message
        },
        ..sparse
    }
}

/// That an event is told again.
const REPEATED: Repeated = Repeated {
    every: 600,
    times: 1,
};

fn sparse(kind: EventKind) -> Event {
    let date = Timestamp::from_seconds(1_777_631_329);
    let is_seen = matches!(kind, EventKind::StatusChanged | EventKind::UnknownStatus);
    let message_id =
        MessageId::new("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01").expect("an id of visible ASCII");
    let sms_id = SmsId::new("7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01").expect("visible ASCII");
    let event_id = EventId::new("evt_0123456789abcdef").expect("visible ASCII");
    let message = Message {
        message_id: kind.is_of_message().then_some(message_id),
        outcome: kind.is_of_message().then_some(Outcome::Pending),
        part_count: is_seen.then_some(1),
        ..Message::unknown("routee")
    };
    Event {
        sequence: 1,
        source: is_seen.then_some(Source::Poll),
        detected_at: Timestamp::from_millis(date.as_millis() + 1_101),
        after: (kind == EventKind::Stuck).then_some(120),
        alert: kind.is_of_rate().then(|| alert(kind, date)),
        fault: is_seen.then_some(Fault::None),
        current: is_seen.then(|| CurrentStatus {
            status: "Queued".to_owned(),
            detailed_status: None,
            description: None,
            date,
            is_final: false,
        }),
        part: PartFacts {
            sms_id: is_seen.then_some(sms_id),
            ..PartFacts::default()
        },
        about: (!kind.is_of_message()).then(|| About {
            name: "ops-slack".to_owned(),
            description: None,
            destination: None,
            campaign: (kind == EventKind::CampaignFinished).then(campaign),
        }),
        ..Event::bare(event_id, kind, date, message)
    }
}

/// How a campaign did.
fn campaign() -> Box<CampaignSummary> {
    let operator = CampaignOperator {
        operator: "Example Mobile".to_owned(),
        messages: 30,
        failed: 1,
        median_seconds: Some(42),
    };
    Box::new(CampaignSummary {
        tracking_id: MessageId::new("5b1f0c2d-0000-4000-8000-000000000001").expect("visible ASCII"),
        name: Some("Spring".to_owned()),
        messages: 40,
        delivered: 38,
        failed: 2,
        pending: 0,
        by_status: [
            ("Delivered".to_owned(), 38),
            ("Unknown Number".to_owned(), 2),
        ]
        .into(),
        cost: 2.into(),
        cost_of_failed: 1.into(),
        slowest_operators: vec![operator],
        started_at: Some(Timestamp::from_seconds(1_777_631_325)),
        latest_at: Some(Timestamp::from_seconds(1_777_631_429)),
    })
}

/// What a rate measured.
fn alert(kind: EventKind, started_at: Timestamp) -> Alert {
    let state = match kind {
        EventKind::AlertResolved => AlertState::Resolved,
        _ => AlertState::Firing,
    };
    Alert {
        state,
        value: 40.5,
        count: 17,
        total: 42,
        window: "15m".to_owned(),
        by: BTreeMap::from([("country".to_owned(), "GR".to_owned())]),
        started_at,
        ended_at: (state == AlertState::Resolved).then_some(started_at),
        held_back: 0,
        usual: None,
        common: Vec::new(),
    }
}
