//! What a sink does not take is told to another one, as a delivery of its own.

mod outage;

use smswatch_model::{EventKind, Notification, Overrides};

pub(crate) use self::outage::run;
use super::destination::Destination;
use super::{Deliver, SinkUnit};
use crate::codec;
use crate::metrics::SinkLabel;
use crate::notification;
use crate::store::{MAX_STEP_BYTES, NewDelivery, Shard, StoreError, split};

/// What the fallback of `unit` gets in place of it; `None` when there is no fallback, or when it was
/// only tried whether the sink works.
pub(crate) fn of(unit: &SinkUnit, notification: Notification) -> Option<NewDelivery> {
    let fallback = unit.settings.fallback.as_ref()?;
    (notification.kind != EventKind::Test)
        .then(|| redirected(notification, unit.name(), &fallback.sink))
}

/// What the fallback of `unit` gets in place of this body. One that cannot be read reaches no fallback
/// anything; it is counted where it is attempted.
pub(crate) fn of_body(unit: &SinkUnit, body: &[u8]) -> Option<NewDelivery> {
    unit.settings.fallback.as_ref()?;
    of(unit, codec::decode_notification(body).ok()?)
}

/// The same, if it is for the destination `key`; for whichever if there is none.
fn of_destination(unit: &SinkUnit, body: &[u8], key: Option<&str>) -> Option<NewDelivery> {
    unit.settings.fallback.as_ref()?;
    let notification = codec::decode_notification(body).ok()?;
    if let Some(key) = key
        && Destination::of(&notification).is_none_or(|to| to.key() != key)
    {
        return None;
    }
    of(unit, notification)
}

/// The notification for `from` as one for the sink `sink`, and not for the destination that the rule
/// chose: the overrides belong to the sink for which the rule gave them.
fn redirected(notification: Notification, from: &str, sink: &str) -> NewDelivery {
    let notification = Notification {
        instead_of: Some(from.to_owned()),
        ..notification
    };
    notification::readdressed(notification, sink, Overrides::new())
}

/// Queues what the fallback of `unit` gets; again, it changes nothing.
///
/// # Errors
///
/// The store did not take it.
pub(crate) async fn hand_over(
    stage: &Deliver,
    unit: &SinkUnit,
    shard: Shard,
    deliveries: &[NewDelivery],
) -> Result<(), StoreError> {
    for step in split(deliveries, |delivery| delivery.bytes(), MAX_STEP_BYTES) {
        let step: Vec<NewDelivery> = step.into_iter().cloned().collect();
        let enqueue = stage.context.store.enqueue_all(shard, &step);
        let added = stage.context.call("enqueue", enqueue).await?;
        handed_over(stage, unit, shard, &step, added);
    }
    Ok(())
}

/// Counts and logs how many of these deliveries the fallback of `unit` got that it did not have,
/// and has them sent at once.
pub(crate) fn handed_over<'a>(
    stage: &Deliver,
    unit: &SinkUnit,
    shard: Shard,
    deliveries: impl IntoIterator<Item = &'a NewDelivery>,
    added: u64,
) {
    let mut deliveries = deliveries.into_iter().peekable();
    let Some(fallback) = deliveries.peek().filter(|_| added > 0) else {
        return;
    };
    let fallback = &fallback.sink;
    tracing::info!(
        sink.name = unit.name(),
        fallback,
        count = added,
        "deliveries are handed to the fallback"
    );
    let label = SinkLabel {
        sink: unit.name.clone(),
    };
    stage
        .context
        .metrics
        .fallbacks
        .get_or_create(&label)
        .inc_by(added);
    stage
        .queues
        .queued(shard, deliveries, &stage.context.metrics);
}

#[cfg(test)]
mod tests {
    use smswatch_model::{Severity, Timestamp};

    use super::*;
    use crate::event::test_event;
    use crate::rules::RuleMatch;

    fn delivery_to(sink: &str, overrides: Overrides) -> NewDelivery {
        let now = Timestamp::from_seconds(1_777_636_800);
        let rule_match = RuleMatch {
            rule: "undelivered".to_owned(),
            sink: sink.to_owned(),
            overrides,
            severity: Severity::Critical,
            group: std::collections::BTreeMap::new(),
            gathering: None,
            is_once: false,
            events: vec![0],
        };
        let events = [test_event("routee", "crm", now, 1)];
        notification::delivery(sink, &notification::of_match(&rule_match, &events, now))
    }

    #[test]
    fn it_is_what_the_rule_itself_would_have_sent_there_and_says_instead_of_whom() {
        let mut overrides = Overrides::new();
        overrides.insert("channel".to_owned(), "#ops".into());
        let first = delivery_to("crm", overrides);
        let notification = codec::decode_notification(&first.body).expect("it is readable");
        let second = redirected(notification, "crm", "ops");
        assert_ne!(second.id, first.id);
        assert_eq!(codec::instead_of(&second.body).as_deref(), Some("crm"));
        let own = delivery_to("ops", Overrides::new());
        assert_eq!(codec::instead_of(&own.body), None);
        assert_eq!(second.id, own.id);
        let mut notification = codec::decode_notification(&second.body).expect("it is readable");
        notification.instead_of = None;
        assert_eq!(codec::encode_notification(&notification), own.body);
    }
}
