//! What a person wants to know of an event, in a few words.

use std::collections::BTreeMap;

use smswatch_model::Event;

use crate::mrkdwn::value;

/// Slack's limit for the fields of a section.
const FIELDS: usize = 10;

/// How much of one value is shown, in UTF-16 units; Slack's own limit is 2000 for a field.
const VALUE: usize = 300;

/// How much of one value is shown in a list.
const SHORT: usize = 60;

/// One event as fields, beside the values of its group.
pub(super) fn of_event(event: &Event, group: &BTreeMap<String, String>) -> Vec<String> {
    let message = &event.message;
    let current = event.current.as_ref();
    let place = [&message.country, &message.operator];
    let place: Vec<_> = place.into_iter().flatten().map(String::as_str).collect();
    let tags: Vec<_> = message
        .tags
        .iter()
        .map(|(name, tag)| format!("{name}={tag}"))
        .collect();
    let about = event.about.as_ref();
    let facts = [
        ("Status", about.is_none().then(|| status(event))),
        ("About", about.map(|about| about.name.clone())),
        (
            "Provider says",
            current.and_then(|current| current.description.clone()),
        ),
        ("To", message.to.clone()),
        ("From", message.from.clone()),
        ("Country, operator", Some(place.join(", "))),
        ("Label", message.label.clone()),
        ("Tags", Some(tags.join(", "))),
        (
            "Message",
            message.message_id.as_ref().map(ToString::to_string),
        ),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(name, fact)| Some((name, fact?)))
        .filter(|(_, fact)| !fact.trim().is_empty())
        .map(|(name, fact)| field(name, &fact));
    bounded(facts.chain(group_fields(group)).collect())
}

/// The values of a group as fields.
pub(super) fn of_group(group: &BTreeMap<String, String>) -> Vec<String> {
    bounded(group_fields(group).collect())
}

/// One event as a line of a list.
pub(super) fn line(event: &Event) -> String {
    let message = &event.message;
    let id = message.message_id.as_ref().map(ToString::to_string);
    let parts = [
        &message.to,
        &message.country,
        &message.operator,
        &message.label,
        &id,
    ];
    let about = event.about.as_ref().map(|about| about.name.clone());
    let mut line = format!("• *{}*", value(&status(event), SHORT));
    for part in parts.into_iter().chain([&about]).flatten() {
        line.push_str(" · ");
        line.push_str(&value(part, SHORT));
    }
    line
}

/// The status and, where it is finer, its detail.
fn status(event: &Event) -> String {
    match &event.current {
        None => event.kind.to_string(),
        Some(current) => match &current.detailed_status {
            None => current.status.clone(),
            Some(detail) => format!("{}, {detail}", current.status),
        },
    }
}

fn group_fields(group: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    group.iter().map(|(name, fact)| field(name, fact))
}

fn field(name: &str, fact: &str) -> String {
    format!("*{}*\n{}", value(name, SHORT), value(fact, VALUE))
}

fn bounded(mut fields: Vec<String>) -> Vec<String> {
    if fields.len() > FIELDS {
        let more = fields.len() - (FIELDS - 1);
        fields.truncate(FIELDS - 1);
        fields.push(format!("and {more} more"));
    }
    fields
}
