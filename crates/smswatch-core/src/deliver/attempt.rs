//! One attempt at a sink: it is made, then recorded, then judged for each delivery that it told.

use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{Notification, Timestamp};
use tokio::time::Instant;

use super::breaker::Report;
use super::host::Came;
use super::load::Load;
use super::task::Task;
use super::{Attempted, SinkUnit, failure, fallback, partly, traced};
use crate::budget::ATTEMPT_BEGINS_WITHIN;
use crate::context::Context;
use crate::metrics::{DeliveryLabels, SinkLabel, observe};
use crate::pause_monitor::PauseMonitor;
use crate::remembered::Memory;
use crate::sink::{DeliveryError, Receipt, Retry};
use crate::store::{NewDelivery, Outcome};

/// How much later than its timeout an attempt ends at most, unless the whole process stood still.
const PUNCTUAL: Duration = Duration::from_secs(1);

/// What the sink said, or why it said nothing.
type Answer = Result<Receipt, DeliveryError>;

/// Makes one attempt on what was `claimed` at that moment. Returns what it came to for each delivery.
pub(super) async fn attempt(
    context: &Context,
    unit: &SinkUnit,
    load: &Load,
    claimed: Instant,
) -> Vec<Attempted> {
    let told = load.told();
    let memory = match &told {
        Ok(notification) if unit.host.remembers() => {
            Memory::of(context, unit.name(), notification).await
        }
        _ => None,
    };
    let (answer, begun) = match &told {
        Ok(notification) => {
            let remembered = memory.as_ref().and_then(Memory::text);
            match ask(unit, notification, remembered, claimed).await {
                Some(asked) => asked,
                None => return load.given_back(context, Outcome::Returned),
            }
        }
        Err(error) => {
            context.metrics.unreadable.inc();
            let error = DeliveryError::permanent(error.to_string());
            (Err(error), Instant::now())
        }
    };
    let took = begun.elapsed();
    if let Some(share) = &load.first.share {
        share.note(took < unit.settings.timeout);
    }
    let is_late = took > unit.settings.timeout + PUNCTUAL;
    if answer.is_err() && is_late && PauseMonitor::get().stood_still_within(took) {
        return interrupted(context, unit, load, "smswatch stood still", took);
    }
    if let (Some(memory), Ok(receipt)) = (memory, &answer) {
        memory.keep(context, receipt).await;
    }
    // The breaker first: when it is worth another attempt depends on what it makes of this one.
    if let Ok(notification) = &told {
        tell_breaker(context, unit, &load.first, notification, &answer);
    }
    record(context, unit, load, &answer, took);
    let ended = judged(context, unit, load, &answer);
    traced::attempted(context, unit, load, &ended, answer.as_ref().err(), took);
    ended
}

/// What an attempt comes to in which smswatch itself panicked, not the sink, which is guarded where it runs: it failed,
/// and is given up some day like any other. It says nothing about the sink.
pub(super) fn panicked(
    context: &Context,
    unit: &SinkUnit,
    load: &Load,
    what: &str,
) -> Vec<Attempted> {
    let (sink, delivery) = (unit.name(), &load.first.delivery.id);
    tracing::error!(
        sink.name = sink,
        delivery.id = %delivery,
        what,
        "smswatch has a bug: an attempt panicked"
    );
    let error = DeliveryError::temporary("smswatch has a bug: the attempt panicked");
    judged(context, unit, load, &Err(error))
}

/// What an answer means for each delivery that the attempt told; counts them.
fn judged(context: &Context, unit: &SinkUnit, load: &Load, answer: &Answer) -> Vec<Attempted> {
    // All of a digest wait equally long: they come together again.
    let (now, jitter) = (context.clock.now(), fastrand::f64());
    let ended = load.tasks().map(|task| {
        let judged = match refused_together(unit, load, answer) {
            Some(judged) => judged,
            None => judge(unit, task, answer, now, jitter),
        };
        let labels = DeliveryLabels {
            sink: unit.name.clone(),
            result: judged.outcome.word(),
        };
        context.metrics.deliveries.get_or_create(&labels).inc();
        let detail = load.noted(&judged.detail, answer.is_ok());
        let mut attempted = task.ended(context, judged.outcome, detail);
        attempted.completion.fallback = judged.instead;
        attempted
    });
    ended.collect()
}

/// Hands the notification to the sink, and waits for what it says. Returns the answer and when the attempt
/// began; `None` if no thread took it up in time.
async fn ask(
    unit: &SinkUnit,
    notification: &Arc<Notification>,
    remembered: Option<&str>,
    claimed: Instant,
) -> Option<(Answer, Instant)> {
    let timeout = unit.settings.timeout;
    let begin_by = claimed + ATTEMPT_BEGINS_WITHIN;
    let (notification, remembered) = (Arc::clone(notification), remembered.map(str::to_owned));
    let delivery = unit
        .host
        .deliver(notification, remembered, timeout, begin_by);
    match delivery.await {
        Came::Answer { result, begun } => Some((result, begun)),
        Came::NoAnswer { begun } => {
            let seconds = timeout.as_secs_f64();
            let error = DeliveryError::temporary(format!("no answer within {seconds} s"));
            Some((Err(error), begun))
        }
        Came::NotBegun => None,
    }
}

/// What an answer means for its delivery.
struct Judged {
    outcome: Outcome,
    detail: String,
    /// What is queued in its place: for the fallback if it has died, for those who could not be reached if it
    /// was delivered.
    instead: Option<NewDelivery>,
}

/// What it means for each delivery of a digest that the receiver will never take, or no more: nothing. Any one of them may
/// be to blame, so they come again at once, fewer together each time and alone at last. `None` of all other answers.
fn refused_together(unit: &SinkUnit, load: &Load, answer: &Answer) -> Option<Judged> {
    let error = answer.as_ref().err()?;
    let is_final = matches!(error.retry(), Retry::Never | Retry::Gone);
    if load.len() == 1 || !is_final {
        return None;
    }
    // A receiver that is ill by now is probed first.
    let is_open = unit.breaker.is_open(load.first.destination.as_ref());
    let delay = match is_open || load.first.is_probe() {
        true => unit.settings.breaker.probe,
        false => Duration::ZERO,
    };
    Some(Judged {
        outcome: Outcome::Retry(delay),
        detail: error.detail(),
        instead: None,
    })
}

/// Judges an answer, of which the breaker knows already.
fn judge(unit: &SinkUnit, task: &Task, answer: &Answer, now: Timestamp, jitter: f64) -> Judged {
    let notification = task.notification.as_ref().ok();
    match answer {
        Ok(receipt) => Judged {
            outcome: Outcome::Delivered,
            detail: receipt.detail().to_owned(),
            instead: notification
                .and_then(|notification| partly::rest(unit.name(), notification, receipt)),
        },
        Err(error) => {
            let next = failure::next_attempt(unit, task, error, now, jitter);
            let fallback = notification
                .filter(|_| next.is_none())
                .and_then(|notification| fallback::of(unit, Notification::clone(notification)));
            Judged {
                outcome: next.map_or(Outcome::Dead, Outcome::Retry),
                detail: error.detail(),
                instead: fallback,
            }
        }
    }
}

/// Counts and measures an attempt.
fn record(context: &Context, unit: &SinkUnit, load: &Load, answer: &Answer, took: Duration) {
    let metrics = &context.metrics;
    let sink = SinkLabel {
        sink: unit.name.clone(),
    };
    let seconds = metrics.delivery_seconds.get_or_create(&sink);
    let trace = load.tasks().flat_map(|task| &task.notification);
    let trace = trace.flat_map(|told| &told.events).next();
    let trace = trace.and_then(|event| context.traces.of(event));
    observe(&seconds, took.as_secs_f64(), trace);
    let Ok(receipt) = answer else {
        return;
    };
    if load.len() > 1 {
        metrics.digests.get_or_create(&sink).inc();
    }
    if receipt.refusals().is_some() {
        metrics.left_out.get_or_create(&sink).inc();
    }
    let histogram = metrics.detect_to_deliver_seconds.get_or_create(&sink);
    let told = load.tasks().flat_map(|task| &task.notification);
    for event in told.filter_map(|notification| notification.events.first()) {
        let seconds = context.clock.now().since(event.detected_at).as_secs_f64();
        observe(&histogram, seconds, context.traces.of(event));
    }
}

/// An attempt that this process cut short, whose answer is unknown. It may have arrived: it is
/// kept among the attempts, and the next one is due at once, here or elsewhere. It says nothing about
/// the sink.
pub(super) fn interrupted(
    context: &Context,
    unit: &SinkUnit,
    load: &Load,
    why: &str,
    took: Duration,
) -> Vec<Attempted> {
    let detail = load.noted(&format!("{why} before there was an answer"), false);
    let outcome = Outcome::Retry(Duration::ZERO);
    let tasks = load.tasks();
    let ended = tasks.map(|task| task.ended(context, outcome, detail.clone()));
    let ended: Vec<Attempted> = ended.collect();
    traced::attempted(context, unit, load, &ended, None, took);
    ended
}

/// Has the breaker of the sink, or of the destination, take in what an attempt came to at which this was told. A
/// delivery that cannot be read says nothing about either.
fn tell_breaker(
    context: &Context,
    unit: &SinkUnit,
    task: &Task,
    notification: &Notification,
    result: &Answer,
) {
    let destination = task.destination.as_ref();
    let is_probe = match destination {
        Some(_) => task.probes_destination,
        None => task.probes_sink,
    };
    let report = match result {
        Ok(_) => Report::Well { is_probe },
        Err(error) => failure::said(error, &notification.delivery_id, is_probe),
    };
    unit.breaker.report(context, destination, report);
    if let Ok(receipt) = result {
        unit.breaker
            .delivered(context, &notification.overrides, receipt);
    }
    // Whatever a destination took shows that the sink works; what it did not may be its own trouble.
    if destination.is_some() && task.probes_sink && result.is_ok() {
        unit.breaker
            .report(context, None, Report::Well { is_probe: true });
    }
}
