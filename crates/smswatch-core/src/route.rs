//! Stage three: evaluates rules on what the log holds, and puts notifications into the queues.

pub(crate) mod fresh;
mod poison;
pub(crate) mod told;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::{
    Event, EventId, EventKind, MessageId, Notification, Timestamp, delivery_id, destination,
    notification_id,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::fresh::Fresh;
use crate::codec;
use crate::pace::Backoff;
use crate::rules::{Notice, Told};
use crate::shared::Shared;
use crate::store::{
    LogEntry, LogPosition, NewDelivery, Priority, RouteOutcome, RouteStep, SetAside, Shard,
    StoreError,
};

/// How many log entries are routed in one step.
const STEP: u32 = 256;

/// How many batches of fresh entries are taken up at once.
const BATCHES: usize = 128;

/// Routes whatever is appended to the log, until it is told to stop: what this process appends it
/// knows already, the rest it reads.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut appended: mpsc::UnboundedReceiver<Fresh>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut batches = Vec::with_capacity(BATCHES);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = appended.recv_many(&mut batches, BATCHES) => {
                route_fresh(&shared, &mut batches).await;
            }
            () = shared.routes.wait(&shared.clock) => route_log(&shared, &mut backoff).await,
        }
    }
}

/// Routes what is known without reading; where others appended in between, the log is read.
async fn route_fresh(shared: &Shared, batches: &mut Vec<Fresh>) {
    let held = batches.iter().map(|fresh| fresh.entries.len()).sum();
    let mut chains: BTreeMap<Shard, Fresh> = BTreeMap::new();
    for fresh in batches.drain(..) {
        let shard = fresh.shard;
        match chains.entry(shard) {
            Entry::Vacant(vacant) => {
                vacant.insert(fresh);
            }
            Entry::Occupied(mut chain) => {
                if chain.get_mut().join(fresh).is_err() {
                    shared.routes.hint_now(usize::from(shard.0));
                }
            }
        }
    }
    let routed = chains.into_values().map(|chain| async move {
        let shard = chain.shard;
        // What was told before is known for certain once the cursor has been read: all that stands
        // before it is routed then, whoever did it.
        let events = chain.entries.iter().flat_map(|(_, events)| events);
        if !told::asked_of(events).is_empty() {
            return shared.routes.hint_now(usize::from(shard.0));
        }
        let mut from = chain.after;
        let mut entries = chain.entries.into_iter().peekable();
        while entries.peek().is_some() {
            let step = entries.by_ref().take(STEP as usize);
            let step: Vec<_> = step
                .map(|(position, events)| (position, Body::Fresh(events)))
                .collect();
            match route_step(shared, shard, from, step, shared.clock.now()).await {
                Ok(Some(to)) => from = to,
                Ok(None) | Err(_) => return shared.routes.hint_now(usize::from(shard.0)),
            }
        }
    });
    join_all(routed).await;
    shared.fresh.taken(held);
}

/// Routes a step of each shard in whose log there may be something.
async fn route_log(shared: &Shared, backoff: &mut Backoff) {
    let now = shared.clock.now();
    let due: Vec<_> = shared
        .shards()
        .filter(|shard| shared.routes.take(usize::from(shard.0), now))
        .collect();
    let routed = join_all(due.iter().map(|shard| route_shard(shared, *shard))).await;
    let failed: Vec<_> = due
        .iter()
        .zip(routed)
        .filter(|(_, routed)| routed.is_err())
        .collect();
    if failed.is_empty() {
        backoff.succeed();
        return;
    }
    let retry_at = shared.clock.now() + backoff.fail();
    for (shard, _) in failed {
        shared.routes.hint(usize::from(shard.0), retry_at);
    }
}

/// Routes one step of a shard's log; a full one means that there is more.
async fn route_shard(shared: &Shared, shard: Shard) -> Result<(), StoreError> {
    let slice = shared
        .call("read_log", shared.store.read_log(shard, STEP))
        .await?;
    if slice.entries.len() >= STEP as usize {
        shared.routes.hint_now(usize::from(shard.0));
    } else {
        shared.backlog.read_all(shard, slice.entries.len());
    }
    if slice.entries.is_empty() {
        return Ok(());
    }
    let entries = slice.entries.into_iter();
    let entries = entries.map(|entry| (entry.position, Body::Stored(entry.body)));
    let routed = route_step(shared, shard, slice.cursor, entries.collect(), slice.now).await?;
    if routed.is_none() {
        // Another process routed these; what is behind them may be for this one.
        shared.routes.hint_now(usize::from(shard.0));
    }
    Ok(())
}

/// What an entry tells.
enum Body {
    /// As the log holds it.
    Stored(Vec<u8>),
    /// As it was before it was written.
    Fresh(Vec<Event>),
}

/// An entry whose events are to be routed, or why they cannot be.
type Readable = Result<Vec<Event>, (Vec<u8>, String)>;

/// Routes entries that follow one another behind `from`; answers where the cursor stands now, or
/// none where somebody else had moved it.
async fn route_step(
    shared: &Shared,
    shard: Shard,
    from: LogPosition,
    entries: Vec<(LogPosition, Body)>,
    now: Timestamp,
) -> Result<Option<LogPosition>, StoreError> {
    let Some((last, _)) = entries.last() else {
        return Ok(Some(from));
    };
    let (to, count) = (
        last.clone(),
        u64::try_from(entries.len()).unwrap_or(u64::MAX),
    );
    let entries: Vec<(LogPosition, Readable)> = entries
        .into_iter()
        .map(|(position, body)| (position, readable(body)))
        .collect();
    let events = entries.iter().flat_map(|(_, events)| events).flatten();
    let asked = told::asked_of(events);
    let told = told::of(shared, asked).await?;
    let (deliveries, set_aside) = evaluate(shared, entries, told, now);
    let unroutable = set_aside.clone();
    let mut queues: BTreeMap<(String, Priority), u64> = BTreeMap::new();
    for delivery in &deliveries {
        let queue = (delivery.sink.clone(), delivery.priority);
        *queues.entry(queue).or_default() += 1;
    }
    let step = RouteStep {
        from,
        to: to.clone(),
        entries: count,
        deliveries,
        set_aside,
    };
    let route = shared.store.route(shard, &step);
    let added = match shared.call("route", route).await? {
        RouteOutcome::Moved => return Ok(None),
        RouteOutcome::Done { added } => added,
    };
    let wanted = u64::try_from(step.deliveries.len()).unwrap_or(u64::MAX);
    let known = wanted.saturating_sub(added);
    shared.metrics.notifications_known.inc_by(known);
    shared.backlog.routed(shard, count);
    tell(shared, shard, &unroutable);
    for ((sink, priority), count) in queues {
        if let Some(unit) = shared.sinks.get(&sink) {
            unit.queued(shard, priority, count);
        }
    }
    Ok(Some(to))
}

/// Evaluates each entry by itself, so that one that cannot be routed takes no other with it.
///
/// `told` are the facts from before these entries; what is told of one of them counts for the next.
fn evaluate(
    shared: &Shared,
    entries: Vec<(LogPosition, Readable)>,
    mut told: Option<Told>,
    now: Timestamp,
) -> (Vec<NewDelivery>, Vec<SetAside>) {
    let (mut deliveries, mut set_aside) = (Vec::new(), Vec::new());
    for (position, events) in entries {
        match events.and_then(|events| evaluate_entry(shared, &events, told.as_mut(), now)) {
            Ok(more) => deliveries.extend(more),
            Err((body, error)) => {
                let entry = LogEntry { position, body };
                set_aside.push(poison::set_aside(&entry, &error));
            }
        }
    }
    (deliveries, set_aside)
}

/// The events of an entry that are routed; its stored form and what is wrong with it where it cannot be
/// read.
fn readable(body: Body) -> Readable {
    let mut events = match body {
        Body::Fresh(events) => events,
        Body::Stored(body) => match codec::decode_events(&body) {
            Ok(events) => events,
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}"));
                return Err((body, format!("{error}{}", cause.unwrap_or_default())));
            }
        },
    };
    events.retain(|event| !event.backfill);
    Ok(events)
}

/// The deliveries of an entry; its stored form and what is wrong with it where there can be none.
/// Where `told` is there it is completed.
fn evaluate_entry(
    shared: &Shared,
    events: &[Event],
    told: Option<&mut Told>,
    now: Timestamp,
) -> Result<Vec<NewDelivery>, (Vec<u8>, String)> {
    for event in events {
        let lag = now.since(event.detected_at);
        shared.metrics.route_lag_seconds.observe(lag.as_secs_f64());
    }
    let nothing = Told::default();
    let known = told.as_deref().unwrap_or(&nothing);
    let notices = poison::without_panic(|| shared.rules.evaluate(events, known))
        .map_err(|error| (codec::encode_events(events), error))?;
    if let Some(told) = told {
        for notice in &notices {
            let events = notice.events.iter().filter_map(|at| events.get(*at));
            for event in events {
                told.add(&notice.rule, &notice.sink, &notice.wishes, &event.event_id);
            }
        }
    }
    let deliveries = notices.into_iter();
    Ok(deliveries
        .map(|notice| delivery(notice, events, now))
        .collect())
}

/// Counts and logs what was set aside.
fn tell(shared: &Shared, shard: Shard, set_aside: &[SetAside]) {
    for entry in set_aside {
        let (position, error) = (&entry.position.0, &entry.error);
        tracing::error!(shard = shard.0, position, error, "a log entry is set aside");
        shared.metrics.set_aside.inc();
    }
}

/// The delivery of a notice; its name depends on destination, rule and events alone.
pub(crate) fn delivery(notice: Notice, events: &[Event], now: Timestamp) -> NewDelivery {
    let events: Vec<Event> = notice
        .events
        .iter()
        .filter_map(|position| events.get(*position))
        .cloned()
        .collect();
    let ids: Vec<&EventId> = events.iter().map(|event| &event.event_id).collect();
    let destination = destination(&notice.sink, &notice.wishes);
    let id = delivery_id(&destination, &notice.rule, &ids);
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
