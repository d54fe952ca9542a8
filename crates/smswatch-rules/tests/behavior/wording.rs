//! The titles and texts that people get when a rule has none of its own.

use serde_json::Number;
use smswatch_model::{
    About, CampaignOperator, CampaignSummary, Event, EventKind, Fault, Message, MessageId, Outcome,
    PreviousStatus, Repeated, Timestamp,
};
use smswatch_rules::{default_text, default_title};

use crate::support::{MAY, change, deadline, event, own, part, rate, stuck, unknown};

fn words(events: &[Event]) -> String {
    let events: Vec<&Event> = events.iter().collect();
    format!("{}\n---\n{}", default_title(&events), default_text(&events))
}

macro_rules! words {
    ($($name:ident: $events:expr;)*) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(words(&$events));
            }
        )*
    };
}

words! {
    a_carrier_violation: [described(event(), "Message blocked\nby  the spam filter")];
    a_first_sight: [change(None, "Undelivered", Some("Unknown Number"))];
    a_status_without_detail: [change(Some("Sent"), "Undelivered", None)];
    a_carrier_violation_that_the_carrier_has_to_mend: [
        Event { fault: Some(Fault::Carrier), ..event() }
    ];
    a_failure_in_which_nobody_needs_to_act: [
        Event { fault: Some(Fault::None), ..change(Some("Sent"), "Undelivered", Some("Roaming")) }
    ];
    a_delivery: [with_outcome(change(Some("Sent"), "Delivered", None), Outcome::Delivered)];
    a_word_that_nobody_documents: [change(Some("Sent"), "Buffered", Some("Moon Eclipse"))];
    nothing_known_of_the_message: [unknown(change(None, "Queued", None))];
    a_recipient_and_nothing_else: [only_to(event())];
    one_of_three_parts: [part(event(), 2, 3)];
    two_parts_with_different_ends: [
        part(event(), 1, 2), part(change(Some("Sent"), "Delivered", None), 2, 2)
    ];
    all_parts: [part(event(), 1, 2), part(event(), 2, 2)];
    more_parts_than_fit: many_parts();
    several_messages: [event(), of_message(event(), "another", "CY")];
    a_regression: [Event { regression: true, ..change(Some("Delivered"), "Undelivered", None) }];
    a_refinement: [refined()];
    a_late_event: [late(event())];
    a_message_with_labels: [labelled(event())];
    a_message_that_the_provider_does_not_know: [unknown(deadline(EventKind::NotFound))];
    a_rate_that_fires: [rate("undelivered", EventKind::AlertFiring)];
    a_rate_that_still_fires: [Event { repeated: Some(Repeated { every: 1800, times: 2 }), ..rate("undelivered", EventKind::AlertFiring) }];
    a_rate_that_is_resolved_and_held_events_back: [held_back(12)];
    a_rate_that_is_resolved_because_nothing_comes: [emptied()];
    a_message_that_is_still_stuck: [Event { repeated: Some(Repeated { every: 600, times: 3 }), ..stuck(120) }];
    a_rate_that_is_resolved: [rate("undelivered", EventKind::AlertResolved)];
    a_message_that_is_stuck: [stuck(120)];
    a_message_of_which_parts_were_never_seen_is_stuck: [Event { current: None, ..stuck(120) }];
    messages_that_are_stuck_for_different_rules: [stuck(120), Event { after: Some(1800), ..stuck(120) }];
    a_status_that_routee_does_not_document: [Event {
        kind: EventKind::UnknownStatus,
        ..change(None, "Buffered", None)
    }];
    a_message_that_was_given_up: [deadline(EventKind::GaveUp)];
    a_sink_that_is_down: [own(EventKind::SinkDown, "ops-slack", Some("it answered\n503"))];
    two_sinks_that_are_down: [
        own(EventKind::SinkDown, "ops-slack", None), own(EventKind::SinkDown, "crm", None)
    ];
    a_sink_that_works_again: [own(EventKind::SinkRecovered, "ops-slack", None)];
    dead_letters: [own(EventKind::DeadLetter, "crm", Some("401 Unauthorized"))];
    a_provider_that_is_down: [own(EventKind::ProviderDown, "routee", Some("it answered 500"))];
    a_provider_that_refuses_the_credentials: [
        own(EventKind::ProviderAuthFailed, "routee", Some("it answered 401"))
    ];
    polling_that_is_behind: [
        own(EventKind::PollingBehind, "routee", Some("a poll started 2 min after it was due"))
    ];
    a_campaign_that_has_ended: [campaign(40, 2, 0)];
    a_campaign_that_went_well: [campaign(40, 0, 0)];
    a_campaign_that_was_given_up: [campaign(40, 2, 7)];
    a_campaign_that_nobody_knows: [campaign(0, 0, 0)];
    callbacks_that_do_not_arrive: [
        own(EventKind::CallbacksSilent, "routee", Some("the last one arrived 25 min ago"))
    ];
    a_test: [unknown(deadline(EventKind::Test))];
}

fn campaign(messages: u64, failed: u64, pending: u64) -> Event {
    let operator = |name: &str, seconds: u64| CampaignOperator {
        operator: name.to_owned(),
        messages: messages / 2,
        failed,
        median_seconds: Some(seconds),
    };
    let summary = CampaignSummary {
        tracking_id: "5b1f0c2d-0000-4000-8000-000000000001"
            .parse()
            .expect("an id"),
        name: Some("Spring".to_owned()),
        messages,
        delivered: messages - failed - pending,
        failed,
        pending,
        by_status: [
            ("Delivered".to_owned(), 38),
            ("Unknown Number".to_owned(), 2),
        ]
        .into(),
        cost: Number::from_f64(1.44).expect("a number"),
        cost_of_failed: Number::from_f64(0.072).expect("a number"),
        slowest_operators: vec![operator("Example Mobile", 130), operator("", 9)],
        started_at: None,
        latest_at: None,
    };
    let event = own(EventKind::CampaignFinished, "Spring", None);
    let about = event.about.map(|about| About {
        campaign: Some(Box::new(summary)),
        ..about
    });
    Event { about, ..event }
}

#[test]
fn no_event_has_no_words() {
    assert_eq!(words(&[]), "\n---\n");
}

fn described(mut event: Event, text: &str) -> Event {
    event.current.as_mut().expect("a status").description = Some(text.to_owned());
    event
}

fn with_outcome(mut event: Event, outcome: Outcome) -> Event {
    event.message.outcome = Some(outcome);
    event
}

fn only_to(event: Event) -> Event {
    let to = event.message.to.clone();
    let event = unknown(event);
    Event {
        message: Message {
            to,
            ..event.message
        },
        ..event
    }
}

fn many_parts() -> Vec<Event> {
    (1..=15).map(|number| part(event(), number, 20)).collect()
}

fn of_message(mut event: Event, id: &str, country: &str) -> Event {
    event.message.message_id = Some(MessageId::new(id).expect("an id"));
    event.message.country = Some(country.to_owned());
    event
}

fn refined() -> Event {
    let mut refined = Event {
        refined: true,
        ..event()
    };
    refined.previous = Some(PreviousStatus {
        status: "Undelivered".to_owned(),
        detailed_status: None,
        date: Timestamp::from_seconds(MAY),
    });
    refined
}

fn late(event: Event) -> Event {
    let detected_at = Timestamp::from_seconds(MAY + 7_500);
    Event {
        late: true,
        detected_at,
        ..event
    }
}

fn labelled(mut event: Event) -> Event {
    event.message.campaign = Some("Spring".to_owned());
    event
        .message
        .tags
        .insert("city".to_owned(), "Athens".to_owned());
    event
}

/// A rate whose window is empty at the end.
fn emptied() -> Event {
    let mut event = rate("undelivered", EventKind::AlertResolved);
    if let Some(alert) = &mut event.alert {
        (alert.count, alert.total, alert.value) = (0, 0, 0.0);
    }
    event
}

/// A rate that is resolved, and held events back meanwhile.
fn held_back(count: u64) -> Event {
    let mut event = rate("undelivered", EventKind::AlertResolved);
    if let Some(alert) = &mut event.alert {
        alert.held_back = count;
    }
    event
}
