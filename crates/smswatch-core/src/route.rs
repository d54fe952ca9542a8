//! Stage three: evaluates rules on what the log holds, and puts notifications into the queues.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::{
    Event, EventId, EventKind, MessageId, Notification, Timestamp, delivery_id, notification_id,
};
use tokio_util::sync::CancellationToken;

use crate::codec;
use crate::pace::Backoff;
use crate::poison;
use crate::rules::{Notice, Rules};
use crate::shared::Shared;
use crate::store::{
    LogEntry, LogSlice, NewDelivery, Priority, RouteOutcome, RouteStep, SetAside, Shard, StoreError,
};

/// How many log entries are routed in one step.
const STEP: u32 = 256;

/// Routes whatever is appended to the log, until it is told to stop.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.routes.wait(&shared.clock) => {}
        }
        let now = shared.clock.now();
        let due: Vec<_> = shared
            .shards()
            .filter(|shard| shared.routes.take(usize::from(shard.0), now))
            .collect();
        let routed = join_all(due.iter().map(|shard| route_shard(&shared, *shard))).await;
        let failed: Vec<_> = due
            .iter()
            .zip(routed)
            .filter(|(_, routed)| routed.is_err())
            .collect();
        if failed.is_empty() {
            backoff.succeed();
            continue;
        }
        let retry_at = shared.clock.now() + backoff.fail();
        for (shard, _) in failed {
            shared.routes.hint(usize::from(shard.0), retry_at);
        }
    }
}

/// Routes one step of a shard's log; a full one means that there is more.
async fn route_shard(shared: &Shared, shard: Shard) -> Result<(), StoreError> {
    let slice = shared
        .call("read_log", shared.store.read_log(shard, STEP))
        .await?;
    let Some(last) = slice.entries.last() else {
        return Ok(());
    };
    let entries = u64::try_from(slice.entries.len()).unwrap_or(u64::MAX);
    if entries >= u64::from(STEP) {
        shared.routes.hint_now(usize::from(shard.0));
    }
    let (deliveries, set_aside) = evaluate(shared, &slice);
    let told = set_aside.clone();
    let sinks: BTreeSet<String> = deliveries
        .iter()
        .map(|delivery| delivery.sink.clone())
        .collect();
    let step = RouteStep {
        from: slice.cursor,
        to: last.position.clone(),
        entries,
        deliveries,
        set_aside,
    };
    match shared
        .call("route", shared.store.route(shard, step))
        .await?
    {
        RouteOutcome::Done { .. } => {
            shared.backlog.routed(shard, entries);
            tell(shared, shard, &told);
            for sink in sinks.iter().filter_map(|name| shared.sinks.get(name)) {
                sink.agenda.hint_now(usize::from(shard.0));
            }
        }
        // Another process routed these; what is behind them may be for this one.
        RouteOutcome::Moved => shared.routes.hint_now(usize::from(shard.0)),
    }
    Ok(())
}

/// Evaluates each entry by itself, so that one that cannot be routed takes no other with it.
fn evaluate(shared: &Shared, slice: &LogSlice) -> (Vec<NewDelivery>, Vec<SetAside>) {
    let (mut deliveries, mut set_aside) = (Vec::new(), Vec::new());
    for entry in &slice.entries {
        match evaluate_entry(shared, entry, slice.now) {
            Ok(more) => deliveries.extend(more),
            Err(error) => set_aside.push(poison::set_aside(entry, &error)),
        }
    }
    (deliveries, set_aside)
}

fn evaluate_entry(
    shared: &Shared,
    entry: &LogEntry,
    now: Timestamp,
) -> Result<Vec<NewDelivery>, String> {
    let mut events = codec::decode_events(&entry.body).map_err(|error| match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })?;
    events.retain(|event| !event.backfill);
    for event in &events {
        let lag = now.since(event.detected_at);
        shared.metrics.route_lag_seconds.observe(lag.as_secs_f64());
    }
    poison::without_panic(|| notify(shared.rules.as_ref(), &events, now))
}

/// Counts and logs what was set aside.
fn tell(shared: &Shared, shard: Shard, set_aside: &[SetAside]) {
    for entry in set_aside {
        let (position, error) = (&entry.position.0, &entry.error);
        tracing::error!(shard = shard.0, position, error, "a log entry is set aside");
        shared.metrics.set_aside.inc();
    }
}

/// The deliveries that the rules want of the events of one observation.
pub(crate) fn notify(rules: &dyn Rules, events: &[Event], now: Timestamp) -> Vec<NewDelivery> {
    rules
        .evaluate(events)
        .into_iter()
        .map(|notice| delivery(notice, events, now))
        .collect()
}

/// The delivery of a notice; its name depends on sink, rule and events alone.
pub(crate) fn delivery(notice: Notice, events: &[Event], now: Timestamp) -> NewDelivery {
    let events: Vec<Event> = notice
        .events
        .iter()
        .filter_map(|position| events.get(*position))
        .cloned()
        .collect();
    let ids: Vec<&EventId> = events.iter().map(|event| &event.event_id).collect();
    let id = delivery_id(&notice.sink, &notice.rule, &ids);
    let notification_id = notification_id(&notice.rule, &ids);
    let message_ids: BTreeSet<MessageId> = events
        .iter()
        .filter_map(|event| event.message.message_id.clone())
        .collect();
    let notification = Notification {
        delivery_id: id.clone(),
        kind: events.first().map_or(EventKind::Test, |event| event.kind),
        timestamp: now,
        wishes: notice.wishes,
        key: notification_id.as_str().replacen("ntf_", "key_", 1),
        notification_id,
        rule: notice.rule.clone(),
        severity: notice.severity,
        title: notice.title,
        text: notice.text,
        group: notice.group,
        omitted: 0,
        alert: None,
        links: Vec::new(),
        events,
    };
    NewDelivery {
        id,
        sink: notice.sink,
        rule: notice.rule,
        priority: Priority::from(notice.severity),
        message_ids: message_ids.into_iter().collect(),
        body: codec::encode_notification(&notification),
    }
}
