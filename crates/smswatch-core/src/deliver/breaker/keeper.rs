//! Shares a sink's breaker with all processes: reads it now and then, writes what attempts said.

mod turn;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use smswatch_model::{Event, EventKind, Timestamp, Wishes};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub(crate) use self::turn::Turn;
use super::ramp::Ramp;
use super::{Circuit, Flow, News, Report};
use crate::announce::own_event;
use crate::clock::StoreClock;
use crate::deliver::partly::Refusals;
use crate::metrics::KindLabel;
use crate::pace::Backoff;
use crate::settings::{BreakerSettings, SinkSettings};
use crate::shared::{Shared, SinkUnit};
use crate::sink::Receipt;
use crate::store::{NewEntry, Shard, StoreError, shard_of};

/// How old what is known of a sink may be when deliveries are claimed for it.
const FRESH: Duration = Duration::from_secs(1);

/// A sink's breaker, as one process knows it.
///
/// What its own attempts said counts for the process at once, and for the others as soon as the
/// store has it. A sink that is well costs nothing but a look once a second while it has work.
#[derive(Debug)]
pub(crate) struct Breaker {
    sink: String,
    /// The name of what the store keeps, and of the sink in the health report.
    part: String,
    shard: Shard,
    settings: BreakerSettings,
    known: Mutex<Known>,
    /// Who is refused by a sink that takes the rest.
    refusals: Refusals,
    /// Since when the breaker is open, for those who wait for it.
    open_since: watch::Sender<Option<Timestamp>>,
    /// Something changed on which claims and attempts depend.
    changed: Notify,
    /// There is something to write.
    reported: Notify,
}

#[derive(Debug)]
struct Known {
    /// When the store was asked last.
    read_at: Option<Instant>,
    /// What attempts said since and when, oldest first; no more than there are attempts.
    reports: Vec<(Timestamp, Report)>,
    /// What the store said last, and the reports.
    view: Circuit,
    /// How many attempts run.
    running: usize,
    ramp: Ramp,
    /// What waits for a later attempt is to become due: the receiver is well again.
    is_to_hasten: bool,
}

impl Breaker {
    pub(crate) fn new(sink: &str, settings: &SinkSettings, shards: u16) -> Self {
        Self {
            sink: sink.to_owned(),
            part: format!("sink:{sink}"),
            shard: shard_of(sink, shards),
            settings: settings.breaker,
            refusals: Refusals::default(),
            known: Mutex::new(Known {
                read_at: None,
                reports: Vec::new(),
                view: Circuit::default(),
                running: 0,
                is_to_hasten: false,
                ramp: Ramp::new(settings.concurrency.max(1)),
            }),
            open_since: watch::Sender::new(None),
            changed: Notify::new(),
            reported: Notify::new(),
        }
    }

    /// Since when the breaker is open.
    pub(crate) fn open_since(&self) -> Option<Timestamp> {
        *self.open_since.borrow()
    }

    /// Since when the breaker is open, now and whenever that changes.
    pub(crate) fn watch_open_since(&self) -> watch::Receiver<Option<Timestamp>> {
        self.open_since.subscribe()
    }

    /// How much of the time from `from` to `now` the sink was parked.
    pub(crate) fn parked_within(&self, from: Timestamp, now: Timestamp) -> Duration {
        self.known().view.parked_within(from, now)
    }

    /// What is known of it now.
    pub(crate) fn view(&self) -> Circuit {
        self.known().view.clone()
    }

    /// Whether deliveries are claimed; asks the store when that is not known for sure.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn flow(&self, shared: &Shared) -> Result<Flow, StoreError> {
        let is_fresh = |read_at: Instant| read_at.elapsed() < FRESH;
        if !self.known().read_at.is_some_and(is_fresh) {
            self.read(shared).await?;
        }
        Ok(self.known().view.flow(shared.clock.now()))
    }

    /// Reads what all processes know.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn read(&self, shared: &Shared) -> Result<(), StoreError> {
        self.fetch(shared).await.map(|_| ())
    }

    /// Takes the right to make one attempt at an open breaker, before any other process does.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn take_probe(&self, shared: &Shared) -> Result<bool, StoreError> {
        let probe = |circuit: &mut Circuit, now| (circuit.take_probe(&self.settings, now), None);
        self.change(shared, 0, probe).await
    }

    /// Holds the sink back until somebody resumes it.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn pause(&self, shared: &Shared) -> Result<(), StoreError> {
        let pause = |circuit: &mut Circuit, now| (circuit.pause(now), None);
        self.change(shared, 0, pause).await
    }

    /// Ends a pause; an open breaker is probed at once.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn resume(&self, shared: &Shared) -> Result<(), StoreError> {
        let resume = |circuit: &mut Circuit, now| (circuit.resume(now), None);
        self.change(shared, 0, resume).await
    }

    /// Whether nothing but the interval between probes stands against one.
    pub(crate) fn may_probe(&self, now: Timestamp) -> bool {
        let known = self.known();
        let view = &known.view;
        view.open_since().is_some()
            && view.paused_since().is_none()
            && view.held_until(now).is_none()
    }

    /// How many deliveries may be claimed when `waiting` of them wait for their attempt.
    pub(crate) fn room(&self, now: Timestamp, waiting: usize) -> usize {
        self.known().slots(now).saturating_sub(waiting)
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

    /// Waits until an open breaker may be probed, as far as is known.
    pub(crate) async fn time_to_probe(&self, clock: &StoreClock) {
        loop {
            let changed = self.changed.notified();
            let now = clock.now();
            let probe_at = self.known().view.probe_at(now);
            match probe_at {
                Some(at) if at <= now => return,
                Some(at) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(at.since(now) + Duration::from_millis(1)) => {}
                },
                None => changed.await,
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

    /// Takes in what an attempt said, and tells the health report.
    pub(crate) fn report(&self, shared: &Shared, report: Report) {
        let now = shared.clock.now();
        let is_well = matches!(report, Report::Well { .. });
        {
            let mut known = self.known();
            if is_well {
                known.ramp.succeed();
            }
            if !(is_well && known.view.is_well()) {
                let _told_when_written = known.view.take(report.clone(), &self.settings, now);
                self.publish(&known.view);
                known.reports.push((now, report));
                self.reported.notify_one();
            }
        }
        self.tell(shared, now);
    }

    /// Takes in whom a delivery with these wishes left out, and tells the health report.
    pub(crate) fn delivered(&self, shared: &Shared, wishes: &Wishes, receipt: &Receipt) {
        if self.refusals.note(wishes, receipt) {
            self.tell(shared, shared.clock.now());
        }
    }

    /// Writes what attempts said.
    async fn write(&self, shared: &Shared) -> Result<(), StoreError> {
        let reports = self.known().reports.clone();
        if reports.is_empty() {
            return Ok(());
        }
        let take_all = |circuit: &mut Circuit, _now| {
            let was_open = circuit.open_since().is_some();
            let takes = reports.iter().cloned();
            let news = takes.filter_map(|(at, report)| circuit.take(report, &self.settings, at));
            // What opened and closed within one batch is no news.
            let last = news.last();
            let is_open = circuit.open_since().is_some();
            ((), last.filter(|_| is_open != was_open))
        };
        self.change(shared, reports.len(), take_all).await
    }

    /// Changes what all processes know, the first `written` reports included, and tells what is
    /// news in the same step.
    async fn change<T>(
        &self,
        shared: &Shared,
        written: usize,
        mut decide: impl FnMut(&mut Circuit, Timestamp) -> (T, Option<News>),
    ) -> Result<T, StoreError> {
        loop {
            let (version, before) = self.fetch(shared).await?;
            let now = shared.clock.now();
            let mut circuit = before.clone();
            let (answer, news) = decide(&mut circuit, now);
            if circuit == before {
                self.adopt(shared, circuit, written);
                return Ok(answer);
            }
            let event = news.map(|news| self.event(news, shared.provider.name(), now));
            let entries = event
                .iter()
                .map(|event| NewEntry::of(std::slice::from_ref(event)));
            let value = circuit.encode();
            let put =
                shared
                    .store
                    .put_memo(self.shard, &self.part, version, value, entries.collect());
            if shared.call("put_memo", put).await? {
                self.adopt(shared, circuit, written);
                if let Some(event) = event {
                    self.known().is_to_hasten |= event.kind == EventKind::SinkRecovered;
                    self.announce(shared, &event);
                }
                return Ok(answer);
            }
        }
    }

    /// Reads what all processes know, and answers it with its version.
    async fn fetch(&self, shared: &Shared) -> Result<(Option<u64>, Circuit), StoreError> {
        let memo = shared.store.memo(self.shard, &self.part);
        let memo = shared.call("memo", memo).await?;
        let circuit = memo.as_ref().map(|memo| Circuit::decode(&memo.value));
        if let Some(None) = circuit {
            shared.metrics.unreadable.inc();
        }
        let circuit = circuit.flatten().unwrap_or_default();
        self.adopt(shared, circuit.clone(), 0);
        Ok((memo.map(|memo| memo.version), circuit))
    }

    /// Takes over what the store holds, with the first `written` reports in it.
    fn adopt(&self, shared: &Shared, circuit: Circuit, written: usize) {
        let now = shared.clock.now();
        {
            let mut known = self.known();
            known.read_at = Some(Instant::now());
            known.reports.drain(..written);
            let mut view = circuit.clone();
            for (at, report) in &known.reports {
                let _told_when_written = view.take(report.clone(), &self.settings, *at);
            }
            let is_changed = view != known.view;
            self.publish(&view);
            known.view = view;
            // The right to probe depends on what is written, be it known here before or not.
            if is_changed || written > 0 {
                self.changed.notify_waiters();
            }
        }
        self.tell(shared, now);
    }

    /// Tells those who wait for it since when the breaker is open, if that is new.
    fn publish(&self, view: &Circuit) {
        let now = view.open_since();
        self.open_since
            .send_if_modified(|known| std::mem::replace(known, now) != now);
    }

    /// Tells the health report how the sink is, by what the attempts of all processes said.
    fn tell(&self, shared: &Shared, now: Timestamp) {
        let troubles = [self.known().view.trouble(now), self.refusals.trouble()];
        let troubles: Vec<String> = troubles.into_iter().flatten().collect();
        if troubles.is_empty() {
            shared.health.well(&self.part);
        } else {
            shared.health.trouble(&self.part, &troubles.join("; "));
        }
    }

    fn event(&self, news: News, provider: &str, now: Timestamp) -> Event {
        let (kind, text, opening) = match news {
            News::Down { reason, opening } => (EventKind::SinkDown, reason, opening),
            News::Recovered { after, opening } => {
                let text = format!("it took deliveries again after {} s", after.as_secs());
                (EventKind::SinkRecovered, text, opening)
            }
        };
        own_event(kind, &self.sink, text, provider, now, opening)
    }

    fn announce(&self, shared: &Shared, event: &Event) {
        tracing::warn!(sink.name = self.sink, kind = %event.kind, "a sink's breaker changed");
        let label = KindLabel {
            r#type: event.kind.as_str(),
        };
        shared.metrics.events.get_or_create(&label).inc();
        shared.routes.hint_now(usize::from(self.shard.0));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// How many attempts may run at once.
    fn slots(&mut self, now: Timestamp) -> usize {
        match self.view.flow(now) {
            Flow::Open { since } => self.ramp.slots(since),
            Flow::Probe | Flow::Parked { .. } => 0,
        }
    }
}

/// Makes due what failed while the receiver was ill, and would otherwise wait for up to the longest
/// gap of its schedule although the receiver is well again; the ramp sets the pace.
async fn hasten(shared: &Shared, unit: &SinkUnit) -> Result<(), StoreError> {
    if !unit.breaker.known().is_to_hasten {
        return Ok(());
    }
    let shards = shared.shards().map(|shard| async move {
        let hasten = shared.store.hasten(shard, unit.name());
        let hastened = shared.call("hasten", hasten).await?;
        if hastened > 0 {
            for agenda in &unit.agendas {
                agenda.hint_now(usize::from(shard.0));
            }
        }
        Ok::<_, StoreError>(())
    });
    try_join_all(shards).await?;
    unit.breaker.known().is_to_hasten = false;
    Ok(())
}

/// Writes what attempts say for as long as there is `work`, and what they said last.
pub(crate) async fn keep(shared: &Shared, unit: &SinkUnit, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = work => {}
        () = write_reports(shared, unit) => {}
    }
    // Without it the others would have to find out by themselves, and that is all.
    if let Err(error) = unit.breaker.write(shared).await {
        tracing::debug!(%error, "what the last attempts said is not written");
    }
}

/// Writes what attempts say, forever; waits while the store is away.
async fn write_reports(shared: &Shared, unit: &SinkUnit) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        let written = async {
            unit.breaker.write(shared).await?;
            hasten(shared, unit).await
        };
        match written.await {
            Ok(()) => {
                backoff.succeed();
                unit.breaker.reported.notified().await;
            }
            Err(error) => {
                tracing::debug!(%error, "a sink's breaker is written again");
                tokio::time::sleep(backoff.fail()).await;
            }
        }
    }
}
