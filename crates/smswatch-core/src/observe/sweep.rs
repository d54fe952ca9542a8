//! Sweeps: asks for pages of all messages of the last hours, whether they are known or not.
//!
//! Each sweep takes place in one process at a time (see [`listing_record`](super::listing_record)). A process that stops
//! makes its sweep due at once.

use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use smswatch_model::{Tags, Timestamp};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Observe;
use super::asking::Asking;
use super::listing_record::{ListingRecord, MOST_PAGES, PAGE};
use super::pages::{Findings, Following, Incomplete};
use super::walk::{End, Walk};
use crate::budget::LISTING_LEASE;
use crate::form;
use crate::health::SWEEP;
use crate::metrics::ResultLabel;
use crate::provider::Listing;
use crate::settings::{Settings, SweepSettings};
use crate::store::{NewRecord, RecordId, RecordKind, StoreError, shard_of};

const KIND: RecordKind = RecordKind::new("sweep");

const FORMAT: u8 = 1;

/// How long it is waited at most until it is looked whether a sweep is due that another process does.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How far beyond now a sweep reaches, since the provider's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(60);

/// How far back the provider tells anything, less a margin for clocks that differ.
const FARTHEST: Duration = Duration::from_secs(7 * 24 * 3600 - 300);

/// What is kept of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// When the latest one began.
    began: Timestamp,
    /// When the latest one ended that told everything.
    ended: Option<Timestamp>,
    /// When that one began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complete: Option<Timestamp>,
}

impl Progress {
    /// How long the latest one took; zero if it did not tell everything.
    fn took(&self) -> Duration {
        self.ended
            .map_or(Duration::ZERO, |ended| ended.since(self.began))
    }

    /// Up to when sweeps have told all there was; `None` if none has yet. The provider's clock may be behind.
    fn known_until(&self) -> Option<Timestamp> {
        // An earlier version did not note when the one began that told everything.
        let began = self
            .ended
            .filter(|ended| *ended >= self.began)
            .map(|_| self.began);
        self.complete.or(began).map(|complete| complete - AHEAD)
    }
}

/// Sweeps until it is told to stop, each of those that are configured by itself.
pub(super) async fn run(stage: &Observe, asking: &Asking<'_>, stop: &CancellationToken) {
    let sweeps = (0..Settings::MOST_SWEEPS).map(|number| one(stage, asking, number, stop));
    join_all(sweeps).await;
}

async fn one(stage: &Observe, asking: &Asking<'_>, number: usize, stop: &CancellationToken) {
    let mut known_as: Option<String> = None;
    while !stop.is_cancelled() {
        let settings = stage.context.settings();
        let part_now = settings.sweeps.get(number).map(|_| part(number, &settings));
        if let Some(before) = known_as
            .take()
            .filter(|name| part_now.as_ref() != Some(name))
        {
            stage.context.health.forget(&before);
        }
        known_as = part_now;
        let pause = match settings.sweeps.get(number) {
            None => ASK_EVERY,
            Some(sweep) => match turn(stage, asking, number, sweep, stop).await {
                Ok(due) => due.since(stage.context.clock.now()),
                Err(_) => ASK_EVERY,
            },
        };
        // Another process may do it earlier, or have died.
        let pause = sleep(pause.clamp(Duration::from_millis(10), ASK_EVERY));
        stop.run_until_cancelled(pause).await;
    }
}

/// The name of a sweep among the parts of the process: each has its own, as one that works says nothing of another.
fn part(number: usize, settings: &Settings) -> String {
    match settings.sweeps.len() {
        1 => SWEEP.to_owned(),
        _ => format!("{SWEEP}:{}", number + 1),
    }
}

/// Sweeps if that is due and no other process does it; returns when it is due next.
async fn turn(
    stage: &Observe,
    asking: &Asking<'_>,
    number: usize,
    sweep: &SweepSettings,
    stop: &CancellationToken,
) -> Result<Timestamp, StoreError> {
    let now = stage.context.clock.now();
    let (mut record, before) = match standing(stage, number, sweep, now).await? {
        Standing::NotBefore(due) => return Ok(due),
        Standing::Due(record, before) => (record, before),
    };
    let mut progress = Progress {
        began: now,
        ended: before.and_then(|before| before.ended),
        complete: before.and_then(|before| before.complete),
    };
    if !put(&mut record, now + LISTING_LEASE, &progress, stop).await? {
        return Ok(now + LISTING_LEASE);
    }
    let began = Instant::now();
    let took = before.map_or(Duration::ZERO, |before| before.took());
    let pace = sweep.every.max(took + pause(sweep));
    let known_until = before.and_then(|before| before.known_until());
    warn_of_gap(sweep, known_until, now);
    let when = (now, pace, known_until);
    let held = (&mut record, &progress);
    let pages = pages(stage, asking, sweep, when, held, stop);
    let Some(came) = stop.run_until_cancelled(pages).await else {
        // Another process can go on at once.
        let now = stage.context.clock.now();
        record.give_back(new_record(now, &progress)).await?;
        return Ok(now);
    };
    let part = part(number, &stage.context.settings());
    let metrics = &stage.context.metrics;
    metrics.sweep_seconds.observe(began.elapsed().as_secs_f64());
    let result = match &came {
        Ok(Some(findings)) => {
            progress.ended = Some(stage.context.clock.now());
            progress.complete = Some(progress.began);
            stage.context.health.well(&part);
            tracing::debug!(
                messages = findings.messages,
                new = findings.new,
                written = findings.written,
                "a sweep told all there is"
            );
            "done"
        }
        Ok(None) => return Ok(now + LISTING_LEASE),
        Err(trouble) => {
            stage.context.health.trouble(&part, trouble);
            "failed"
        }
    };
    metrics.sweeps.get_or_create(&ResultLabel { result }).inc();
    let now = stage.context.clock.now();
    let due = (progress.began + sweep.every).max(now + pause(sweep));
    put(&mut record, due, &progress, stop).await?;
    Ok(due)
}

/// Says so where no sweep told everything for longer than one reaches back.
fn warn_of_gap(sweep: &SweepSettings, known_until: Option<Timestamp>, now: Timestamp) {
    let reaches_to = now - sweep.window.min(FARTHEST);
    if let Some(known_until) = known_until.filter(|known_until| *known_until < reaches_to) {
        tracing::warn!(
            since = %known_until,
            until = %reaches_to,
            "no sweep told all messages for longer than its `window`: what was sent in between and not registered is not seen"
        );
    }
}

/// How long is waited at least after a sweep.
fn pause(sweep: &SweepSettings) -> Duration {
    sweep.every / 10
}

/// Asks for all pages; `None` if another process has taken the sweep over meanwhile. It began now, and its messages
/// were told at this pace until now. Sweeps before have told all there was until then.
async fn pages(
    stage: &Observe,
    asking: &Asking<'_>,
    sweep: &SweepSettings,
    (now, pace, known_until): (Timestamp, Duration, Option<Timestamp>),
    (record, progress): (&mut ListingRecord<'_>, &Progress),
    stop: &CancellationToken,
) -> Result<Option<Findings>, String> {
    let listing = Listing::Window {
        from: now - sweep.window.min(FARTHEST),
        to: now + AHEAD,
        filters: sweep.filters.clone(),
    };
    let mut following = Following {
        is_wanted: false,
        known_until,
        registers: sweep.register,
        tags: Tags::new(),
        every: pace,
        took: Duration::ZERO,
    };
    let (mut incomplete, mut all) = (Incomplete::default(), Findings::default());
    let mut walk = Walk::default();
    let told = |error: StoreError| error.to_string();
    for number in 0..MOST_PAGES {
        let (page, asked_at) = match asking.list(stage, &listing, number, PAGE).await {
            Ok(listed) => listed,
            Err(trouble) => {
                // No more parts come of what waits for them.
                let rest = incomplete.rest();
                stage.pages.take(rest, &following).await.map_err(told)?;
                return Err(trouble);
            }
        };
        following.took = stage.context.clock.now().since(asked_at);
        let end = walk.ends_with(&page);
        // A sweep that takes longer than its interval is still the cheaper way: polls wait for it.
        let took = stage.context.clock.now().since(now);
        following.every = pace.max(took + pause(sweep));
        let mut messages = incomplete.join(page, asked_at);
        if end.is_some() {
            messages.extend(incomplete.rest());
        }
        all += stage.pages.take(messages, &following).await.map_err(told)?;
        match end {
            Some(End::All) => return Ok(Some(all)),
            Some(End::Repeats) => {
                let what =
                    "Routee gives the same page again and again, and says that there are more";
                return Err(what.to_owned());
            }
            Some(End::Fewer { told, said }) => {
                return Err(format!(
                    "Routee told {told} of {said} rows, and says that there are no more"
                ));
            }
            None => {}
        }
        let held_until = stage.context.clock.now() + LISTING_LEASE;
        let held = put(record, held_until, progress, stop).await;
        if !held.map_err(told)? {
            return Ok(None);
        }
    }
    all += stage
        .pages
        .take(incomplete.rest(), &following)
        .await
        .map_err(told)?;
    Err(format!(
        "there are more than {MOST_PAGES} pages: make `watch.sweep.window` smaller"
    ))
}

/// Whether it is time for a sweep.
enum Standing<'a> {
    /// It is, and this is what is known of the one before.
    Due(ListingRecord<'a>, Option<Progress>),
    /// It is not: another process is at it, or it was done a short while ago.
    NotBefore(Timestamp),
}

/// Reads the record of the sweep of this number. One that a later version wrote is left to it: while that sweeps, this
/// version does not, and afterwards it keeps a record of its own beside it, so that no status is missed.
async fn standing<'a>(
    stage: &'a Observe,
    number: usize,
    sweep: &SweepSettings,
    now: Timestamp,
) -> Result<Standing<'a>, StoreError> {
    let context = &stage.context;
    let name = format!("sweep:{number}");
    let mut of_later = record(stage, &name);
    let Some(known) = of_later.load().await? else {
        return Ok(Standing::Due(of_later, None));
    };
    if let Some(before) = form::decode(FORMAT, &known.body) {
        return Ok(match in_future(known.due, now, sweep) {
            Some(due) => Standing::NotBefore(due),
            None => Standing::Due(of_later, Some(before)),
        });
    }
    context.metrics.unreadable.inc();
    // A process that stops makes it due, and another one of that version needs a while to come to it.
    let due = known.due.map(|due| due + LISTING_LEASE);
    if let Some(due) = in_future(due, now, sweep) {
        return Ok(Standing::NotBefore(due));
    }
    let what = "how far a sweep is, in a form of a later version of smswatch, which sweeps no more: this version goes \
                on by itself";
    context.contents.unexpected(&context.health, now, what);
    let mut own = record(stage, &format!("{name}.{FORMAT}"));
    let Some(known) = own.load().await? else {
        return Ok(Standing::Due(own, None));
    };
    Ok(match in_future(known.due, now, sweep) {
        Some(due) => Standing::NotBefore(due),
        None => Standing::Due(own, form::decode(FORMAT, &known.body)),
    })
}

/// The due time of a record if it is yet to come. One that lies further ahead than it can was set by a clock that was
/// wrong.
fn in_future(due: Option<Timestamp>, now: Timestamp, sweep: &SweepSettings) -> Option<Timestamp> {
    let furthest = now + sweep.every.max(LISTING_LEASE) + LISTING_LEASE;
    due.filter(|due| *due > now && *due <= furthest)
}

/// The record of this name.
fn record<'a>(stage: &'a Observe, name: &str) -> ListingRecord<'a> {
    let context = &stage.context;
    let shard = shard_of(name, context.store.shard_count());
    let id = RecordId::new(name).expect("visible ASCII");
    ListingRecord::new(context, shard, KIND, id)
}

/// Writes how far a sweep is and when it is due next; returns false if another process has done so meanwhile.
async fn put(
    record: &mut ListingRecord<'_>,
    due: Timestamp,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<bool, StoreError> {
    let record_now = Some(new_record(due, progress));
    record.put_in_time(record_now, Vec::new(), stop).await
}

fn new_record(due: Timestamp, progress: &Progress) -> NewRecord {
    NewRecord {
        due: Some(due),
        body: form::encode(FORMAT, progress),
    }
}
