//! Stage three: evaluates rules on what the log holds, and puts notifications into the queues.

mod evaluate;
mod fold;
pub(crate) mod left;
mod poison;
pub(crate) mod told;
mod traced;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::{Timestamp, destination};
use smswatch_plugin::traces::TraceSpan;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::evaluate::{Body, Evaluated};
use crate::backoff::Backoff;
use crate::context::Context;
use crate::fired;
use crate::group;
use crate::inbox::log_tail::NewEntries;
use crate::inbox::{GroupInbox, LogInbox, Queues};
use crate::live::Live;
use crate::marks::{self, Grouped, Marks};
use crate::rate::{self, RateGroups};
use crate::rules::Rules;
use crate::silences::Silences;
use crate::stats;
use crate::store::{
    LogPosition, MAX_STEP_BYTES, NewDelivery, RecordChange, RouteOutcome, RouteStep, SetAside,
    Shard, StoreError, split,
};
use crate::taken::Source;
use crate::throttles::Throttles;
use crate::traffic::Traffic;

/// How many log entries are routed in one step.
const STEP: u32 = 256;

/// How many batches of fresh entries are taken up at once.
const BATCHES: usize = 128;

/// What the third stage may touch.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) context: Arc<Context>,
    pub(crate) rules: Arc<Live<dyn Rules>>,
    pub(crate) inbox: Arc<LogInbox>,
    pub(crate) groups: Arc<GroupInbox>,
    pub(crate) rates: Arc<GroupInbox>,
    pub(crate) rate_groups: RateGroups,
    pub(crate) queues: Queues,
    /// Counts what becomes final.
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) silences: Arc<Silences>,
}

/// Routes whatever is appended to the log, until it is told to stop: what this process appends it
/// knows already, the rest it reads. Each shard is routed by itself, so that one whose steps fail holds
/// up no other.
pub(crate) async fn run(
    stage: Arc<Route>,
    mut appended: mpsc::UnboundedReceiver<NewEntries>,
    stop: CancellationToken,
) {
    let (mut senders, mut routing) = (Vec::new(), Vec::new());
    for shard in stage.context.shards() {
        let (sender, fresh) = mpsc::unbounded_channel();
        senders.push(sender);
        routing.push(route_shard(&stage, shard, fresh, &stop));
    }
    let hand_on = async {
        while let Some(fresh) = appended.recv().await {
            // Who routes the shard lives until it is told to stop.
            let _sent = senders[usize::from(fresh.shard.0)].send(fresh);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = join_all(routing) => {}
        () = hand_on => {}
    }
}

/// Routes one shard until it is told to stop.
async fn route_shard(
    stage: &Route,
    shard: Shard,
    mut fresh: mpsc::UnboundedReceiver<NewEntries>,
    stop: &CancellationToken,
) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let queue = usize::from(shard.0);
    let mut batches = Vec::new();
    let mut cursor = Cursor::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = fresh.recv_many(&mut batches, BATCHES) => {
                route_fresh(stage, shard, &mut batches, &mut cursor).await;
            }
            () = stage.inbox.due.wait_in(queue, &stage.context.clock) => {
                if !stage.inbox.due.take(queue, stage.context.clock.now()) {
                    continue;
                }
                match route_log(stage, shard, &mut cursor).await {
                    Ok(()) => backoff.succeed(),
                    Err(_) => stage.inbox.due.hint(queue, stage.context.clock.now() + backoff.fail()),
                }
            }
        }
    }
}

/// What a process knows of where the cursor of a shard stands.
#[derive(Default)]
struct Cursor {
    /// It has certainly reached this place: all entries before it are routed.
    reached: Option<LogPosition>,
    /// How often the store had failed by then. One that comes back may have lost its latest steps.
    failures: u64,
    /// Where it stood when a step that followed did not take place.
    missed: Option<LogPosition>,
}

impl Cursor {
    fn reach(&mut self, context: &Context, place: LogPosition) {
        self.failures = context.store_failures();
        self.reached = Some(place);
    }

    /// Whether it certainly stands at `place`.
    fn is_at(&self, context: &Context, place: &LogPosition) -> bool {
        self.failures == context.store_failures() && self.reached.as_ref() == Some(place)
    }
}

/// Routes what is known without reading; where others appended in between, the log is read.
async fn route_fresh(
    stage: &Route,
    shard: Shard,
    batches: &mut Vec<NewEntries>,
    cursor: &mut Cursor,
) {
    let held = batches.iter().map(|fresh| fresh.entries.len()).sum();
    let hint = || stage.inbox.hint_now(shard);
    let mut chain: Option<NewEntries> = None;
    for fresh in batches.drain(..) {
        match &mut chain {
            None => chain = Some(fresh),
            Some(chain) => {
                if chain.join(fresh).is_err() {
                    hint();
                }
            }
        }
    }
    let needs_cursor = |chain: &NewEntries| {
        let events = || chain.entries.iter().flat_map(|(_, events)| events);
        let rules = stage.rules.get();
        !told::asked_of(events()).is_empty()
            || !Throttles::of(&*rules, events()).is_empty()
            || events().any(|event| {
                rules.keeps_marks(event)
                    || !rules.measured(event).is_empty()
                    || !rules.unless_firing(event).is_empty()
            })
    };
    // What was told before, and which slots of throttles are settled, is known for certain once all that stands before
    // is routed. Groups and rates take a log in its order: what stands before and comes later would be lost to them.
    let is_certain = |chain: &NewEntries| cursor.is_at(&stage.context, &chain.after);
    if chain
        .as_ref()
        .is_some_and(|chain| !is_certain(chain) && needs_cursor(chain))
    {
        hint();
        chain = None;
    }
    if let Some(chain) = chain {
        let mut from = chain.after;
        let mut entries = chain.entries.into_iter().peekable();
        while entries.peek().is_some() {
            let step = entries.by_ref().take(STEP as usize);
            let step: Vec<_> = step
                .map(|(position, events)| (position, Body::Fresh(events)))
                .collect();
            let now = stage.context.clock.now();
            match route_entries(stage, shard, (from, false), step, now).await {
                Ok(Some(to)) => {
                    cursor.reach(&stage.context, to.clone());
                    from = to;
                }
                Ok(None) | Err(_) => {
                    hint();
                    break;
                }
            }
        }
    }
    stage.inbox.tail.taken(held);
}

/// Routes one step of a shard's log; a full one means that there is more.
async fn route_log(stage: &Route, shard: Shard, cursor: &mut Cursor) -> Result<(), StoreError> {
    let slice = stage
        .context
        .call("read_log", stage.context.store.read_log(shard, STEP))
        .await?;
    if slice.entries.len() >= STEP as usize {
        stage.inbox.hint_now(shard);
    } else {
        stage.inbox.backlog.read_all(shard, slice.entries.len());
    }
    cursor.reach(&stage.context, slice.cursor.clone());
    // Nobody has moved it since: what the store says is settled beyond it got lost.
    let is_certain = cursor.missed.take().as_ref() == Some(&slice.cursor);
    if slice.entries.is_empty() {
        return Ok(());
    }
    let entries = slice.entries.into_iter();
    let entries = entries.map(|entry| (entry.position, Body::Stored(entry.body)));
    let from = (slice.cursor.clone(), is_certain);
    let routed = route_entries(stage, shard, from, entries.collect(), slice.now).await?;
    match routed {
        Some(to) => cursor.reach(&stage.context, to),
        // Another process routed these, and what is behind them may be for this one; or they are to be evaluated anew.
        None => {
            cursor.missed = Some(slice.cursor);
            stage.inbox.hint_now(shard);
        }
    }
    Ok(())
}

/// Routes entries that follow one another behind `from`, in steps that are not too large; returns where
/// the cursor stands now, or `None` if another process has moved it, or an alert began or ended meanwhile.
async fn route_entries(
    stage: &Route,
    shard: Shard,
    (mut from, is_certain): (LogPosition, bool),
    entries: Vec<(LogPosition, Body)>,
    now: Timestamp,
) -> Result<Option<LogPosition>, StoreError> {
    let (source, began) = (Source::Log(shard), Instant::now());
    let evaluated = evaluate::all(stage, &source, (&from, is_certain), entries, now);
    let Some((evaluated, mut marks)) = evaluated.await? else {
        return Ok(None);
    };
    for step in split(evaluated, Evaluated::bytes, MAX_STEP_BYTES) {
        match route_step(stage, shard, from, step, &mut marks, (now, began)).await? {
            Some(to) => from = to,
            None => return Ok(None),
        }
    }
    Ok(Some(from))
}

/// Routes one step, which began then; returns where the cursor stands now, or `None` if the step is to be evaluated anew.
async fn route_step(
    stage: &Route,
    shard: Shard,
    from: LogPosition,
    evaluated: Vec<Evaluated>,
    marks: &mut Marks,
    (now, began): (Timestamp, Instant),
) -> Result<Option<LogPosition>, StoreError> {
    let Some(to) = evaluated.last().map(|last| last.position.clone()) else {
        return Ok(Some(from));
    };
    let count = u64::try_from(evaluated.len()).unwrap_or(u64::MAX);
    let source = Source::Log(shard);
    let Some(effects) = effects(stage, &source, evaluated, marks, now).await? else {
        return Ok(None);
    };
    let Effects {
        deliveries,
        records,
        set_aside,
        spans,
    } = effects;
    let unroutable = set_aside.clone();
    let wanted = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
    // One entry may want more than a step carries. What is queued before the cursor moves is not queued
    // again when the step is repeated.
    let mut parts = split(deliveries, NewDelivery::bytes, MAX_STEP_BYTES);
    let last = parts.pop().unwrap_or_default();
    let mut added = 0;
    for part in parts {
        let enqueue = stage.context.store.enqueue_all(shard, &part);
        added += stage.context.call("enqueue", enqueue).await?;
        queued(stage, shard, &part);
    }
    let step = RouteStep {
        from,
        to: to.clone(),
        entries: count,
        deliveries: last,
        records,
        set_aside,
    };
    let route = stage.context.store.route(shard, &step);
    added += match stage.context.call("route", route).await? {
        RouteOutcome::Moved | RouteOutcome::Conflict => return Ok(None),
        RouteOutcome::Done { added } => added,
    };
    let known = wanted.saturating_sub(added);
    stage.context.metrics.notifications_known.inc_by(known);
    stage.inbox.backlog.routed(shard, count);
    log_set_aside(stage, shard, &unroutable);
    traced::ended(&stage.context, spans, began.elapsed());
    queued(stage, shard, &step.deliveries);
    Ok(Some(to))
}

/// These deliveries were queued, or held back.
fn queued(stage: &Route, shard: Shard, deliveries: &[NewDelivery]) {
    let metrics = &stage.context.metrics;
    stage.queues.queued(shard, deliveries, metrics);
    stage.silences.held_back(deliveries);
}

/// What a step of entries does beside moving the cursor.
struct Effects {
    deliveries: Vec<NewDelivery>,
    records: Vec<RecordChange>,
    set_aside: Vec<SetAside>,
    spans: Vec<TraceSpan>,
}

/// Puts what goes into groups there, notes in the marks of messages what becomes of them, and counts what became of
/// messages. `None` if the alert of a rate began or ended meanwhile that holds back some of it.
async fn effects(
    stage: &Route,
    source: &Source,
    evaluated: Vec<Evaluated>,
    marks: &mut Marks,
    now: Timestamp,
) -> Result<Option<Effects>, StoreError> {
    let (mut deliveries, mut set_aside, mut folds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut countings, mut news, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    let mut fired = Vec::with_capacity(evaluated.len());
    for entry in evaluated {
        fired.push(entry.fired());
        news.extend(entry.news);
        countings.extend(entry.countings);
        spans.extend(entry.spans);
        deliveries.extend(entry.deliveries);
        set_aside.extend(entry.set_aside);
        folds.extend(entry.folds);
        for (message, rule) in entry.told_once {
            marks.told_once(&message, &rule, &source.mark(&entry.position));
        }
    }
    let context = &stage.context;
    let rates = fold::all::<rate::Due>(context, &stage.rates.due, source, &countings, now).await?;
    let agrees =
        |(counting, (_, due)): (_, &fold::Folded<rate::Due>)| due.rate.agrees(counting, source);
    if !countings.iter().zip(&rates).all(agrees) {
        return Ok(None);
    }
    let folded = fold::all::<group::Due>(context, &stage.groups.due, source, &folds, now).await?;
    for (fold, (group, due)) in folds.iter().zip(folded) {
        let messages = fold.events.iter();
        let message = messages.filter_map(|event| event.message.message_id.as_ref());
        // All events of one entry are about one message.
        let Some(message) = message.into_iter().next() else {
            continue;
        };
        let wanted = &fold.wanted;
        let grouped = Grouped {
            rule: wanted.rule.clone(),
            destination: destination(&wanted.sink, &wanted.overrides),
            delivery: due.group.delivery_id(&group),
            group: group.as_str().to_owned(),
            events: fold
                .events
                .iter()
                .map(|event| event.event_id.clone())
                .collect(),
        };
        marks.grouped(message, grouped);
    }
    let due = now + marks::kept_for(&stage.context.settings().watch);
    let mut records = marks.changes(due);
    let (stats, fired) = futures::try_join!(
        stats::changes(context, source.shard(), &news),
        fired::changes(context, source.shard(), &fired, now),
    )?;
    records.extend(stats.into_iter().chain(fired));
    Ok(Some(Effects {
        deliveries,
        records,
        set_aside,
        spans,
    }))
}

/// Counts and logs what was set aside.
fn log_set_aside(stage: &Route, shard: Shard, set_aside: &[SetAside]) {
    for entry in set_aside {
        let (position, error) = (&entry.position.0, &entry.error);
        if entry.is_newer {
            tracing::warn!(
                shard = shard.0,
                position,
                error,
                "a log entry is left to a later version of smswatch, which can read it"
            );
        } else {
            tracing::error!(shard = shard.0, position, error, "a log entry is set aside");
        }
        stage.context.metrics.set_aside.inc();
    }
}
