//! What else is known of an alert that fires: how its messages failed of late, who can act on that, and who was told.

use std::collections::{BTreeMap, HashSet};

use maud::{Markup, html};
use smswatch_api::deliveries::DeliveryReply;
use smswatch_model::{Alert, Event, Fault, Message, Outcome};

use crate::deliveries::state;
use crate::{link, words};

/// How many ways to fail, and how many deliveries, are told.
const SHOWN: usize = 3;

/// How the messages of an alert failed, as far as the latest changes tell: the most frequent way first, and who can act
/// on it.
pub(super) fn failures(alert: &Alert, latest: &[Event]) -> Option<Markup> {
    let mut ways: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let mut seen = HashSet::new();
    let failed = latest.iter().filter(|event| {
        event.message.outcome == Some(Outcome::Failed) && is_of(&event.message, &alert.by)
    });
    for event in failed.filter(|event| seen.insert(&event.message.message_id)) {
        let Some(current) = &event.current else {
            continue;
        };
        let way = words::status(&current.status, current.detailed_status.as_deref());
        *ways.entry((way, who(event.fault))).or_default() += 1;
    }
    let mut ways: Vec<_> = ways.into_iter().collect();
    ways.sort_by(|(one, n), (other, m)| m.cmp(n).then(one.cmp(other)));
    (!ways.is_empty()).then(|| {
        html! {
            "of late: "
            @for (index, ((way, who), count)) in ways.iter().take(SHOWN).enumerate() {
                @if index > 0 { "; " }
                (words::number(*count)) " × " strong { (words::line(way)) } (who)
            }
            @if ways.len() > SHOWN { "; and others" }
        }
    })
}

fn who(fault: Option<Fault>) -> &'static str {
    match fault {
        Some(Fault::Sender) => ", at fault: the sender",
        Some(Fault::Recipient) => ", at fault: the recipient",
        Some(Fault::Carrier) => ", at fault: the carrier",
        Some(Fault::None) | None => "",
    }
}

/// Whether a message has what the messages of an alert share. What is not known of messages here no message has.
fn is_of(message: &Message, by: &BTreeMap<String, String>) -> bool {
    let mut by = by.iter();
    by.all(|(key, value)| {
        let known = match key.as_str() {
            "from" => message.from.as_ref(),
            "country" => message.country.as_ref(),
            "operator" => message.operator.as_ref(),
            "label" => message.label.as_ref(),
            "campaign" => message.campaign.as_ref(),
            "application" => message.application.as_ref(),
            key => key
                .strip_prefix("tags.")
                .and_then(|name| message.tags.get(name)),
        };
        known.is_some_and(|known| known.to_lowercase() == value.to_lowercase())
    })
}

/// Who was told by the rule of an alert since it began, the latest first.
pub(super) fn told(rule: &str, alert: &Alert, deliveries: &[DeliveryReply]) -> Option<Markup> {
    let told = deliveries
        .iter()
        .filter(|delivery| delivery.rule == rule && delivery.created_at >= alert.started_at);
    let told: Vec<&DeliveryReply> = told.take(SHOWN).collect();
    (!told.is_empty()).then(|| {
        html! {
            "told: "
            @for (index, delivery) in told.iter().enumerate() {
                @if index > 0 { "; " }
                a href=(link::path("/deliveries", delivery.id.as_str(), "")) { (words::line(&delivery.sink)) }
                " " (words::at(delivery.created_at)) " " (state(&delivery.state))
            }
        }
    })
}
