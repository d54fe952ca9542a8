//! Makes notifications and deliveries of what rules want told. Ids, keys and destinations are decided
//! here, and nowhere else.

use std::collections::BTreeSet;
use std::sync::Arc;

use smswatch_model::{
    Event, EventId, EventKind, GroupNames, MessageId, Notification, NotificationId, Overrides,
    Timestamp, delivery_id, destination, notification_id,
};

use crate::codec;
use crate::group::Group;
use crate::rate;
use crate::rules::{RuleMatch, Rules, Words};
use crate::store::{Attempt, NewDelivery, Priority, RecordId};

/// The deliveries of all that rules want told of `events`, in the rules' words.
pub(crate) fn deliveries(
    rules: &dyn Rules,
    matches: &[RuleMatch],
    events: &[Event],
    now: Timestamp,
) -> Vec<NewDelivery> {
    // A rule says the same to all of its destinations: it is asked once.
    let mut said: Option<(NotificationId, Words)> = None;
    let deliveries = matches.iter().map(|rule_match| {
        let notification = of_match(rule_match, events, now);
        let words = match &said {
            Some((id, words)) if *id == notification.notification_id => words.clone(),
            _ => {
                let words = rules.words(&notification);
                said = Some((notification.notification_id.clone(), words.clone()));
                words
            }
        };
        delivery(&rule_match.sink, &worded(notification, words))
    });
    deliveries.collect()
}

/// The deliveries of what is held back of `events`, each match with the reason why.
pub(crate) fn held_back(
    rules: &dyn Rules,
    matches: &[(RuleMatch, Arc<str>)],
    events: &[Event],
    now: Timestamp,
) -> Vec<NewDelivery> {
    let of_match = |(rule_match, reason): &(RuleMatch, Arc<str>)| {
        let made = deliveries(rules, std::slice::from_ref(rule_match), events, now);
        let note = Attempt::suppressed(now, reason);
        made.into_iter().map(move |delivery| NewDelivery {
            suppressed: Some(note.clone()),
            ..delivery
        })
    };
    matches.iter().flat_map(of_match).collect()
}

/// The notification of a match among `events`, which has no words yet. Its ids depend on its
/// destination, its rule and its events alone, so that making it again names it again.
pub(crate) fn of_match(rule_match: &RuleMatch, events: &[Event], now: Timestamp) -> Notification {
    let positions = rule_match.events.iter();
    let events: Vec<Event> = positions
        .filter_map(|position| events.get(*position))
        .cloned()
        .collect();
    let ids = ids(&events);
    let (rule, overrides) = (&rule_match.rule, &rule_match.overrides);
    let notification_id = notification_id(rule, &ids);
    let first = events.first();
    let alert = first.and_then(|event| event.alert.clone());
    let measured_by = first.and_then(|event| event.about.as_ref());
    let key = match (&alert, measured_by) {
        (Some(alert), Some(measured_by)) => rate::key(&measured_by.name, &alert.by),
        _ => notification_id.as_str().replacen("ntf_", "key_", 1),
    };
    let group = match &alert {
        Some(alert) => alert.by.clone(),
        None => rule_match.group.clone(),
    };
    Notification {
        delivery_id: delivery_id(&destination(&rule_match.sink, overrides), rule, &ids),
        kind: events.first().map_or(EventKind::Test, |event| event.kind),
        timestamp: now,
        overrides: overrides.clone(),
        key,
        notification_id,
        rule: rule.clone(),
        severity: rule_match.severity,
        title: String::new(),
        text: String::new(),
        group,
        omitted: 0,
        common: Vec::new(),
        alert,
        links: Vec::new(),
        events,
        instead_of: None,
    }
}

/// The notification of what the group in the record `id` holds, which has no words yet. Its ids depend on the group
/// and its generation.
pub(crate) fn of_group(id: &RecordId, group: &Group, now: Timestamp) -> Notification {
    let names = GroupNames {
        rule: &group.rule,
        kind: group.kind,
        values: &group.values,
    };
    Notification {
        delivery_id: group.delivery_id(id),
        kind: group.kind,
        timestamp: now,
        overrides: group.overrides.clone(),
        key: names.key(),
        notification_id: names.notification_id(group.generation),
        rule: group.rule.clone(),
        severity: group.severity,
        title: String::new(),
        text: String::new(),
        group: group.values.clone(),
        omitted: group.omitted,
        common: Vec::new(),
        alert: None,
        links: Vec::new(),
        events: group.events.clone(),
        instead_of: None,
    }
}

/// A notification that says `words`.
pub(crate) fn worded(notification: Notification, words: Words) -> Notification {
    Notification {
        title: words.title,
        text: words.text,
        ..notification
    }
}

/// The delivery of a notification to the sink for which it was made.
pub(crate) fn delivery(sink: &str, notification: &Notification) -> NewDelivery {
    let events = notification.events.iter();
    let message_ids: BTreeSet<MessageId> = events
        .filter_map(|event| event.message.message_id.clone())
        .collect();
    NewDelivery {
        id: notification.delivery_id.clone(),
        sink: sink.to_owned(),
        rule: notification.rule.clone(),
        priority: Priority::from(notification.severity),
        message_ids: message_ids.into_iter().collect(),
        body: codec::encode_notification(notification),
        suppressed: None,
    }
}

/// The delivery of the same notification to another destination. It has the id that its rule's own
/// delivery there would have, so that whom the rule tells anyway is told once.
pub(crate) fn readdressed(
    notification: Notification,
    sink: &str,
    overrides: Overrides,
) -> NewDelivery {
    let ids = ids(&notification.events);
    let delivery_id = delivery_id(&destination(sink, &overrides), &notification.rule, &ids);
    let notification = Notification {
        delivery_id,
        overrides,
        ..notification
    };
    delivery(sink, &notification)
}

fn ids(events: &[Event]) -> Vec<&EventId> {
    events.iter().map(|event| &event.event_id).collect()
}

#[cfg(test)]
mod tests;
