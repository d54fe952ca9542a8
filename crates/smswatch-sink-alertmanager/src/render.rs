//! A notification as an alert of Alertmanager.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use smswatch_sink_kit::model::{AlertState, Timestamp};
use smswatch_sink_kit::{Notification, details, one_line};

use crate::config::{Lifetimes, label_name};

/// How much the description says, in characters.
const MAX_DESCRIPTION: usize = 16_000;

/// One alert, as `POST /api/v2/alerts` takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PostedAlert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

/// Makes the alert that is sent `now`; `labels` are those that the operator chose.
pub(crate) fn alert(
    notification: &Notification,
    labels: BTreeMap<String, String>,
    lifetimes: Lifetimes,
    now: SystemTime,
) -> PostedAlert {
    let starts_at = starts_at(notification);
    PostedAlert {
        labels: all_labels(notification, labels),
        annotations: annotations(notification),
        starts_at,
        // Alertmanager takes no alert that ends before it begins.
        ends_at: ends_at(notification, lifetimes, instant(now)).max(starts_at),
    }
}

/// The labels, which are the same whenever the same alert is told.
fn all_labels(
    notification: &Notification,
    labels: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut all = labels;
    for (key, value) in &notification.group {
        all.insert(label_name(key), value.clone());
    }
    all.insert("alertname".to_owned(), notification.rule.clone());
    all.insert("key".to_owned(), notification.key.clone());
    let severity = notification.severity.as_str();
    all.insert("severity".to_owned(), severity.to_owned());
    all
}

fn annotations(notification: &Notification) -> BTreeMap<&'static str, String> {
    let mut annotations = BTreeMap::from([
        ("summary", one_line(&notification.title)),
        ("description", details(notification, MAX_DESCRIPTION)),
        ("delivery_id", notification.delivery_id.to_string()),
    ]);
    if let Some(link) = notification.links.first() {
        annotations.insert("runbook_url", link.url.clone());
    }
    annotations
}

/// When what it is about happened.
fn starts_at(notification: &Notification) -> Timestamp {
    let first = notification.events.iter().map(|event| event.time).min();
    let started_at = notification.alert.as_ref().map(|alert| alert.started_at);
    started_at.or(first).unwrap_or(notification.timestamp)
}

fn ends_at(notification: &Notification, lifetimes: Lifetimes, now: Timestamp) -> Timestamp {
    match &notification.alert {
        Some(alert) if alert.state == AlertState::Resolved => alert.ended_at.unwrap_or(now),
        Some(_) => now + lifetimes.firing,
        // A sink works again.
        None if notification.is_resolved() => starts_at(notification),
        None => now + lifetimes.other,
    }
}

fn instant(now: SystemTime) -> Timestamp {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use smswatch_testkit::sample;

    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        firing: Duration::from_secs(24 * 60 * 60),
        other: Duration::from_secs(60 * 60),
    };

    /// Two minutes after what the samples tell.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_777_631_449)
    }

    #[test]
    fn one_message_is_an_alert_for_an_hour() {
        insta::assert_json_snapshot!(alert(
            &sample::notification(),
            BTreeMap::new(),
            LIFETIMES,
            now()
        ));
    }

    #[test]
    fn a_group_becomes_labels_and_a_link_the_runbook() {
        let mut notification = sample::grouped();
        notification
            .group
            .insert("tags.team".to_owned(), "crm".to_owned());
        let labels = BTreeMap::from([("team".to_owned(), "messaging".to_owned())]);
        insta::assert_json_snapshot!(alert(&notification, labels, LIFETIMES, now()));
    }

    #[test]
    fn an_alert_on_a_rate_ends_when_it_is_resolved_under_the_labels_with_which_it_fired() {
        let started_at = Timestamp::from_seconds(1_777_631_329);
        let told = |state, ended_at| {
            let measured = smswatch_sink_kit::model::Alert {
                state,
                value: 40.5,
                count: 17,
                total: 42,
                window: "15m".to_owned(),
                by: BTreeMap::new(),
                started_at,
                ended_at,
                held_back: 0,
                usual: None,
                common: Vec::new(),
            };
            let mut notification = sample::notification();
            notification.alert = Some(measured);
            alert(&notification, BTreeMap::new(), LIFETIMES, now())
        };
        let firing = told(AlertState::Firing, None);
        assert_eq!(firing.starts_at, started_at);
        assert_eq!(firing.ends_at, instant(now()) + LIFETIMES.firing);
        let ended_at = started_at + Duration::from_secs(60);
        let resolved = told(AlertState::Resolved, Some(ended_at));
        assert_eq!(resolved.labels, firing.labels);
        assert_eq!(
            (resolved.starts_at, resolved.ends_at),
            (started_at, ended_at)
        );
        let early = told(AlertState::Resolved, Some(Timestamp::from_seconds(0)));
        assert_eq!(early.ends_at, started_at);
    }

    #[test]
    fn that_a_sink_works_again_ends_the_alert_that_it_is_down() {
        let mut told = sample::notification();
        told.kind = smswatch_sink_kit::model::EventKind::SinkDown;
        let posted = |told: &Notification| alert(told, BTreeMap::new(), LIFETIMES, now());
        assert_eq!(posted(&told).ends_at, instant(now()) + LIFETIMES.other);
        told.kind = smswatch_sink_kit::model::EventKind::SinkRecovered;
        assert_eq!(posted(&told).ends_at, told.events[0].time);
    }
}
