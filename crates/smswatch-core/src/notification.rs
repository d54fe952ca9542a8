//! Makes notifications and deliveries of what rules want told. Ids, keys and destinations are decided
//! here, and nowhere else.

mod digest;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{
    Common, Event, EventId, EventKind, GroupNames, MessageId, Notification, NotificationId,
    Overrides, Timestamp, deadline_event_id, delivery_id, destination, notification_id,
};

pub(crate) use self::digest::digest;
use crate::codec;
use crate::group::Group;
use crate::rate;
use crate::rules::{RuleMatch, Rules, Telling, Words};
use crate::silences::Holds;
use crate::store::{Attempt, NewDelivery, Priority, RecordId};

/// The deliveries of all that rules want told of `events`, in the rules' words.
pub(crate) fn deliveries(
    rules: &dyn Rules,
    matches: &[RuleMatch],
    events: &[Event],
    now: Timestamp,
) -> Vec<NewDelivery> {
    // A rule says the same to all destinations of a sink: it is asked once.
    let mut said: Option<(NotificationId, &str, Words)> = None;
    let deliveries = matches.iter().map(|rule_match| {
        let notification = of_match(rule_match, events, now);
        let words = match &said {
            Some((id, sink, words))
                if *id == notification.notification_id && *sink == rule_match.sink =>
            {
                words.clone()
            }
            _ => {
                let words = rules.words(&notification, &rule_match.sink);
                let id = notification.notification_id.clone();
                said = Some((id, &rule_match.sink, words.clone()));
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
    let mut events: Vec<Event> = positions
        .filter_map(|position| events.get(*position))
        .cloned()
        .collect();
    // A notification says it once.
    let alerts = events.iter_mut().filter_map(|event| event.alert.as_mut());
    let common: Vec<Common> = alerts
        .flat_map(|alert| std::mem::take(&mut alert.common))
        .collect();
    let ids = ids(&events);
    let (rule, overrides) = (&rule_match.rule, &rule_match.overrides);
    let notification_id = notification_id(rule, &ids);
    let first = events.first();
    let alert = first.and_then(|event| event.alert.clone());
    let measured_by = first.and_then(|event| event.about.as_ref());
    let key = match (&alert, measured_by) {
        (Some(alert), Some(measured_by)) => rate::key(&measured_by.name, &alert.by),
        _ => {
            let first = first_told(rule, &events);
            let first = first.as_ref().unwrap_or(&notification_id);
            first.as_str().replacen("ntf_", "key_", 1)
        }
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
        common,
        alert,
        links: Vec::new(),
        events,
        instead_of: None,
        deliveries: Vec::new(),
    }
}

/// The name of the first notification about what `events` tell of, from which the key of all of them is made: so all that is
/// told of one stuck message belongs to one incident, and so does that a sink is down and works again, whichever rules
/// tell of it. `None` if that is their own notification.
fn first_told(rule: &str, events: &[Event]) -> Option<NotificationId> {
    let is_other = |event: &Event| {
        let has_end = matches!(event.kind, EventKind::SinkDown | EventKind::SinkRecovered);
        has_end || event.repeated.is_some()
    };
    if !events.iter().any(is_other) {
        return None;
    }
    let first = |event: &Event| -> EventId {
        let message = event.message.message_id.as_ref();
        match (event.kind, message, event.repeated) {
            (EventKind::Stuck, Some(message), Some(repeated)) => {
                let deadline = event.time - Duration::from_secs(repeated.seconds());
                deadline_event_id(message, EventKind::Stuck, deadline)
            }
            _ => event.ends.clone().unwrap_or_else(|| event.event_id.clone()),
        }
    };
    let is_of_any_rule = |event: &Event| match event.kind {
        EventKind::SinkDown => true,
        EventKind::SinkRecovered => event.ends.is_some(),
        _ => false,
    };
    let rule = match events.iter().all(is_of_any_rule) {
        true => "",
        false => rule,
    };
    let firsts: Vec<EventId> = events.iter().map(first).collect();
    Some(notification_id(rule, &firsts.iter().collect::<Vec<_>>()))
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
        omitted: group.omitted(),
        common: Vec::new(),
        alert: None,
        links: Vec::new(),
        events: group.events.iter().take(group.max()).cloned().collect(),
        instead_of: None,
        deliveries: Vec::new(),
    }
}

/// What a group tells, parted by what is held back: each notification, and the reason why it is held back if it is. Events
/// that are held back make notifications of their own, unless that is all that the group keeps; what it keeps beside
/// those that it would show takes their place.
pub(crate) fn of_group_parted(
    id: &RecordId,
    group: &Group,
    holds: &Holds,
    now: Timestamp,
) -> Vec<(Notification, Option<Arc<str>>)> {
    let made = of_group(id, group, now);
    let telling = Telling {
        rule: &group.rule,
        sink: &group.sink,
        severity: group.severity,
    };
    let positions = 0..group.events.len();
    let (left, held_back) = holds.part_events(&group.events, positions, telling, now);
    if left.is_empty()
        && let Some(reason) = held_back.keys().next()
    {
        return vec![(made, Some(Arc::clone(reason)))];
    }
    let n_left = left.len();
    let events = left.into_iter().take(group.max());
    let mut omitted_held_back = group.omitted_held_back;
    let told = Notification {
        events: events
            .map(|position| group.events[position].clone())
            .collect(),
        omitted: group.omitted_of(n_left)
            + match held_back.is_empty() {
                true => std::mem::take(&mut omitted_held_back),
                false => 0,
            },
        ..made
    };
    let held_back = held_back.into_iter().map(|(reason, events)| {
        let wanted = RuleMatch {
            rule: group.rule.clone(),
            sink: group.sink.clone(),
            overrides: group.overrides.clone(),
            severity: group.severity,
            group: group.values.clone(),
            gathering: None,
            is_once: false,
            events,
        };
        let notification = Notification {
            omitted: std::mem::take(&mut omitted_held_back),
            ..of_match(&wanted, &group.events, now)
        };
        (notification, Some(reason))
    });
    std::iter::once((told, None)).chain(held_back).collect()
}

/// A notification that says `words`.
pub(crate) fn worded(notification: Notification, words: Words) -> Notification {
    Notification {
        title: words.title,
        text: words.text,
        links: words.links,
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
