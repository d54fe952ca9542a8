//! Shares a sink's breaker with all processes: reads it now and then, writes what attempts said.

mod judge;
mod known;
mod news;
mod permit;
mod probe;
mod share;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_model::{Overrides, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub(crate) use self::judge::Admission;
use self::news::AllNews;
pub use self::news::DestinationState;
pub(crate) use self::permit::AttemptPermit;
pub(crate) use self::share::Share;
use self::share::Shares;
pub(crate) use self::write::keep;
use super::slow_start::SlowStart;
use super::{Absence, Circuit, Destination, Flow, Report};
use crate::context::Context;
use crate::deliver::partly::Refusals;
use crate::inbox::LogInbox;
use crate::memo::{Decision, Memo};
use crate::settings::{BreakerSettings, SinkSettings};
use crate::sink::Receipt;
use crate::store::{NewEntry, Shard, StoreError, shard_of};

/// How old what is known of a sink may be when deliveries are claimed for it.
const FRESH: Duration = Duration::from_secs(1);

/// How long after a breaker closed another process makes due what waits, should the one that closed it
/// not have done so.
const TAKE_OVER: Duration = Duration::from_secs(15);

/// How long the store is waited for before what was known last holds.
const PROMPT: Duration = Duration::from_millis(500);

/// How many reports are kept at most while they cannot be written.
const MOST_REPORTS: usize = 1024;

/// A sink's breaker, as one process knows it.
///
/// What its own attempts said counts for the process at once, and for the others as soon as the
/// store has it. A sink that is well costs nothing but a look once a second while it has work.
#[derive(Debug)]
pub(crate) struct Breaker {
    sink: String,
    /// Where events about it are routed.
    log: Arc<LogInbox>,
    /// The name of what the store keeps, and of the sink in the health report.
    part: String,
    shard: Shard,
    settings: BreakerSettings,
    /// How many attempts on destinations that do not answer run at once at most.
    most_silent: usize,
    known: Mutex<Known>,
    /// Who is refused by a sink that takes the rest.
    refusals: Refusals,
    /// The time in which the receiver takes nothing, for those who wait for it.
    absence: watch::Sender<Option<Absence>>,
    /// Something changed on which claims and attempts depend.
    changed: Notify,
    /// There is something to write.
    reported: Notify,
}

#[derive(Debug)]
struct Known {
    /// When the store was asked last.
    read_at: Option<Instant>,
    /// As of when the store had what is known.
    as_of: Option<Instant>,
    /// What attempts said since, when and of which destination, oldest first; no more than there are
    /// attempts.
    reports: Vec<(Timestamp, Option<Destination>, Report)>,
    /// What the store said last, and the reports.
    view: Circuit,
    /// How many attempts run.
    running: usize,
    /// Attempts end soon, so that what waits for its own does not wait for long.
    is_quick: bool,
    slow_start: SlowStart,
    /// What waits for a later attempt is to be made due by this process: it closed the breaker.
    is_to_make_due: bool,
    /// The shards in which that is done, and since when it was to be.
    made_due: (Option<Timestamp>, BTreeSet<Shard>),
    /// Until when this process does not probe again by itself, by the destination's key.
    alone_until: HashMap<String, Timestamp>,
    /// When the next delivery for a destination that is held back is due, by the destination's key.
    slots: HashMap<String, Timestamp>,
    /// Which destinations answer, and how many attempts on them run.
    shares: Shares,
    /// The destinations of which the health report tells.
    told: BTreeSet<String>,
}

impl Breaker {
    pub(crate) fn new(
        sink: &str,
        settings: &SinkSettings,
        shards: u16,
        log: Arc<LogInbox>,
    ) -> Self {
        Self {
            sink: sink.to_owned(),
            log,
            part: format!("sink:{sink}"),
            shard: shard_of(sink, shards),
            settings: settings.breaker,
            most_silent: settings.concurrency.div_ceil(2).max(1),
            refusals: Refusals::default(),
            known: Mutex::new(Known {
                read_at: None,
                as_of: None,
                reports: Vec::new(),
                view: Circuit::default(),
                running: 0,
                is_quick: true,
                is_to_make_due: false,
                made_due: (None, BTreeSet::new()),
                alone_until: HashMap::new(),
                slots: HashMap::new(),
                shares: Shares::default(),
                told: BTreeSet::new(),
                slow_start: SlowStart::new(settings.concurrency.max(1)),
            }),
            absence: watch::Sender::new(None),
            changed: Notify::new(),
            reported: Notify::new(),
        }
    }

    /// Since when the breaker is open.
    pub(crate) fn open_since(&self) -> Option<Timestamp> {
        self.known().view.open_since()
    }

    /// The time in which the receiver takes nothing, now and whenever that changes. It may have passed.
    pub(crate) fn watch_absence(&self) -> watch::Receiver<Option<Absence>> {
        self.absence.subscribe()
    }

    /// How much of the time from `from` to `now` the sink was parked, or this destination; both at once
    /// count twice, which gives up nothing too early.
    pub(crate) fn parked_within(
        &self,
        destination: Option<&Destination>,
        from: Timestamp,
        now: Timestamp,
    ) -> Duration {
        let known = self.known();
        let of = destination.and_then(|destination| known.view.of(destination.key()));
        let of = of.map_or(Duration::ZERO, |circuit| circuit.parked_within(from, now));
        of + known.view.parked_within(from, now)
    }

    /// Whether the breaker of the sink is open, or that of this destination.
    pub(crate) fn is_open(&self, destination: Option<&Destination>) -> bool {
        self.known().view.is_open(destination.map(Destination::key))
    }

    /// Whether deliveries for destinations of the sink are held back.
    pub(crate) fn holds_destinations(&self, now: Timestamp) -> bool {
        self.known().view.holds_destinations(now)
    }

    /// What is known of it now.
    pub(crate) fn view(&self) -> Circuit {
        self.known().view.clone()
    }

    /// Whether deliveries are claimed; asks the store when that is not known for sure. What was known last
    /// holds for as long as the store does not say: the shard that keeps it may fail while those of the
    /// deliveries work.
    pub(crate) async fn flow(&self, context: &Context) -> Flow {
        let read_at = self.known().read_at;
        let is_known = match read_at {
            Some(read_at) if read_at.elapsed() < FRESH => true,
            Some(_) => {
                let read = tokio::time::timeout(PROMPT, self.read(context)).await;
                read.is_ok_and(|read| read.is_ok())
            }
            // Nothing is known yet, not even whether the sink is paused.
            None => self.read(context).await.is_ok(),
        };
        let mut known = self.known();
        if !is_known {
            known.read_at = Some(Instant::now());
        }
        known.view.flow(context.clock.now())
    }

    /// Reads what all processes know.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn read(&self, context: &Context) -> Result<(), StoreError> {
        let found = self.memo(context).read(context).await?;
        let circuit = self.recalled(context, found.value);
        self.adopt(context, circuit, 0, found.as_of);
        Ok(())
    }

    /// Pauses the sink until it is resumed.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn pause(&self, context: &Context) -> Result<(), StoreError> {
        let pause = |circuit: &mut Circuit, now| (circuit.pause(now), AllNews::new());
        self.change(context, 0, pause).await
    }

    /// Ends a pause; an open breaker is probed at once.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn resume(&self, context: &Context) -> Result<(), StoreError> {
        let resume = |circuit: &mut Circuit, now| (circuit.resume(now), AllNews::new());
        self.change(context, 0, resume).await
    }

    /// How many deliveries may be claimed when `waiting` of them wait for their attempt. Where attempts
    /// take long, only those are claimed that can begin at once: the others may do so elsewhere.
    pub(crate) fn room(&self, now: Timestamp, waiting: usize) -> usize {
        let mut known = self.known();
        let ahead = if known.is_quick { 0 } else { known.running };
        known.slots(now).saturating_sub(ahead + waiting)
    }

    /// The next change of what is known, or the moment when it is not known for sure any more. It
    /// counts from this call, not from when it is awaited.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> {
        let changed = self.changed.notified();
        async {
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(FRESH) => {}
            }
        }
    }

    /// How long the sink stays parked as far as is known, at most until that is not known for sure
    /// any more.
    pub(crate) fn parked_for(&self, now: Timestamp) -> Duration {
        match self.known().view.flow(now) {
            Flow::Parked { until: Some(until) } => {
                FRESH.min(until.since(now) + Duration::from_millis(1))
            }
            Flow::Parked { until: None } | Flow::Probe | Flow::Open { .. } => FRESH,
        }
    }

    /// Takes in what an attempt said about the sink, or about this destination of it, and tells the
    /// health report.
    pub(crate) fn report(
        &self,
        context: &Context,
        destination: Option<&Destination>,
        report: Report,
    ) {
        let now = context.clock.now();
        let is_well = matches!(report, Report::Well { .. });
        {
            let mut known = self.known();
            if is_well {
                known.slow_start.succeed();
            }
            if !(is_well && known.is_well(destination)) {
                let before = known.view.clone();
                let _told_when_written = self.take(&mut known.view, destination, &report, now);
                self.publish(&before, &known.view, now);
                // While they cannot be written, the first of them say enough of why.
                if known.reports.len() < MOST_REPORTS {
                    known.reports.push((now, destination.cloned(), report));
                }
                self.reported.notify_one();
            }
        }
        self.report_health(context, now);
    }

    /// Takes in whom a delivery with these overrides left out, and tells the health report.
    pub(crate) fn delivered(&self, context: &Context, overrides: &Overrides, receipt: &Receipt) {
        if self.refusals.note(overrides, receipt) {
            self.report_health(context, context.clock.now());
        }
    }

    /// Has a breaker take in what an attempt said.
    fn take(
        &self,
        circuit: &mut Circuit,
        destination: Option<&Destination>,
        report: &Report,
        at: Timestamp,
    ) -> Option<super::News> {
        let (report, settings) = (report.clone(), &self.settings);
        match destination {
            Some(destination) => circuit.take_for(destination, report, settings, at),
            None => circuit.take(report, settings, at),
        }
    }

    /// Writes what attempts said.
    async fn write(&self, context: &Context) -> Result<(), StoreError> {
        let reports = self.known().reports.clone();
        if reports.is_empty() {
            return Ok(());
        }
        let take_all = |circuit: &mut Circuit, _now| {
            let before = circuit.clone();
            let mut all = BTreeMap::new();
            for (at, destination, report) in &reports {
                if let Some(news) = self.take(circuit, destination.as_ref(), report, *at) {
                    let key = destination.as_ref().map(|to| to.key().to_owned());
                    all.insert(key, (destination.clone(), news));
                }
            }
            // What opened and closed within one batch is no news.
            all.retain(|key, _| before.is_open(key.as_deref()) != circuit.is_open(key.as_deref()));
            ((), all.into_values().collect())
        };
        self.change(context, reports.len(), take_all).await
    }

    /// Changes what all processes know, the first `written` reports included, and tells what is
    /// news in the same step.
    async fn change<T>(
        &self,
        context: &Context,
        written: usize,
        mut decide: impl FnMut(&mut Circuit, Timestamp) -> (T, AllNews),
    ) -> Result<T, StoreError> {
        let memo = self.memo(context);
        let changed = memo.change(context, |found| {
            let before = self.recalled(context, found.value);
            self.adopt(context, before.clone(), 0, found.as_of);
            let now = context.clock.now();
            let mut circuit = before.clone();
            let (answer, news) = decide(&mut circuit, now);
            if circuit == before {
                self.adopt(context, circuit, written, found.as_of);
                return Decision::Leave((answer, None));
            }
            let is_closed =
                circuit.to_make_due.is_some() && circuit.to_make_due != before.to_make_due;
            let events: Vec<_> = news
                .into_iter()
                .map(|(to, news)| self.event(to.as_ref(), news, context.provider, now))
                .collect();
            let entries = events
                .iter()
                .map(|event| NewEntry::of(std::slice::from_ref(event)));
            Decision::Write {
                value: circuit.clone(),
                entries: entries.collect(),
                answer: (answer, Some((circuit, is_closed, events))),
            }
        });
        let (answer, put) = changed.await?;
        if let Some((circuit, is_closed, events)) = put {
            self.adopt(context, circuit, written, Instant::now());
            if is_closed {
                self.known().is_to_make_due = true;
                self.reported.notify_one();
            }
            self.announce(context, &events);
        }
        Ok(answer)
    }

    /// What all processes of this version know.
    fn memo(&self, context: &Context) -> Memo<Circuit> {
        let (format, name) = (super::FORMAT, self.part.as_str());
        Memo::new(context, name, format, Circuit::decode, Circuit::encode).in_shard(self.shard)
    }

    /// The circuit that was read, with what is too far ahead taken back.
    fn recalled(&self, context: &Context, value: Option<Circuit>) -> Circuit {
        let mut circuit = value.unwrap_or_default();
        circuit.recall(&self.settings, context.clock.now());
        circuit
    }

    /// Takes over what the store held at `as_of`, with the first `written` reports in it, and tells the health report.
    fn adopt(&self, context: &Context, circuit: Circuit, written: usize, as_of: Instant) {
        let now = context.clock.now();
        self.learn(circuit, written, as_of, now);
        self.report_health(context, now);
    }

    /// Takes over what the store held, unless something later is known: a read that is answered late must not undo a
    /// pause.
    fn learn(&self, circuit: Circuit, written: usize, as_of: Instant, now: Timestamp) {
        let mut known = self.known();
        known.reports.drain(..written);
        if known.as_of.is_some_and(|later| as_of < later) {
            return;
        }
        known.as_of = Some(as_of);
        known.read_at = Some(Instant::now());
        let mut view = circuit;
        for (at, destination, report) in &known.reports {
            let _told_when_written = self.take(&mut view, destination.as_ref(), report, *at);
        }
        let is_changed = view != known.view;
        self.publish(&known.view, &view, now);
        known.view = view;
        if known.must_make_due(now).is_some() {
            self.reported.notify_one();
        }
        // The right to probe depends on what is written, known here before or not.
        if is_changed || written > 0 {
            self.changed.notify_waiters();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
