//! Whom a message is from and to, and what its sender calls it.

use smswatch_model::{Message, plain_word};

/// `From MyShop to +3069******01 (GR, Example Mobile)`.
pub(super) fn people(message: &Message) -> Option<String> {
    let from = message
        .from
        .as_deref()
        .map(|from| format!("From {}", plain_word(from)));
    let to = message.to.as_deref().map(plain_word);
    let whereabouts = [message.country.as_deref(), message.operator.as_deref()];
    let whereabouts: Vec<String> = whereabouts.into_iter().flatten().map(plain_word).collect();
    let whereabouts = whereabouts.join(", ");
    let to = match (to, whereabouts.is_empty()) {
        (Some(to), true) => Some(format!("to {to}")),
        (Some(to), false) => Some(format!("to {to} ({whereabouts})")),
        (None, false) => Some(format!("to {whereabouts}")),
        (None, true) => None,
    };
    match (from, to) {
        (Some(from), Some(to)) => Some(format!("{from} {to}")),
        (None, Some(to)) => Some(format!("T{}", &to[1..])),
        (from, None) => from,
    }
}

/// `Label order-17 · campaign Spring · tags team=crm`.
pub(super) fn labels(message: &Message) -> Option<String> {
    let mut labels = Vec::new();
    if let Some(label) = &message.label {
        labels.push(format!("label {}", plain_word(label)));
    }
    if let Some(campaign) = &message.campaign {
        labels.push(format!("campaign {}", plain_word(campaign)));
    }
    if !message.groups.is_empty() {
        labels.push(format!("groups {}", plain_word(&message.groups.join(", "))));
    }
    if !message.tags.is_empty() {
        let tags = message
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        labels.push(format!(
            "tags {}",
            plain_word(&tags.collect::<Vec<_>>().join(", "))
        ));
    }
    let labels = labels.join(" · ");
    let first = labels.get(..1)?.to_uppercase();
    Some(format!("{first}{}", &labels[1..]))
}

/// A message in few words, among others.
pub(super) fn who(message: &Message) -> String {
    let id = message
        .message_id
        .as_ref()
        .map_or_else(String::new, |id| format!("message {id}"));
    match (&message.to, &message.country) {
        (Some(to), Some(country)) => format!("{} in {}, {id}", plain_word(to), plain_word(country)),
        (Some(to), None) => format!("{}, {id}", plain_word(to)),
        _ => id,
    }
}

pub(super) fn provider(message: &Message) -> String {
    capitalized(&message.provider)
}

pub(super) fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
