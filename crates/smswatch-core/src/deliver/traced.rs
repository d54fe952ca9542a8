//! The last steps of a trace: how long a delivery waited, and each attempt on it.
//!
//! A delivery that tells events of several traces, such as one of a group, is a step of each of them, so that each leads from
//! what was seen to who was told. These steps are linked.

use std::time::Duration;

use smswatch_model::{EventKind, Notification, SpanId, Timestamp, TraceId};
use smswatch_plugin::traces::{SpanKind, TraceSpan};

use super::load::Load;
use super::task::Task;
use super::{Attempted, SinkUnit};
use crate::context::Context;
use crate::sink::{DeliveryError, Retry};
use crate::store::Outcome;
use crate::traces::{ROUTE, Traced};

/// How many other traces an attempt is linked to at most.
const MOST_LINKS: usize = 128;

/// Records the span of an attempt that has just ended, and of the wait before it.
pub(super) fn attempted(
    context: &Context,
    unit: &SinkUnit,
    load: &Load,
    ended: &[Attempted],
    error: Option<&DeliveryError>,
    took: Duration,
) {
    if !context.traces.are_on() {
        return;
    }
    let now = context.clock.now();
    let mut sends: Vec<TraceSpan> = Vec::new();
    for (task, attempted) in load.tasks().zip(ended) {
        let Ok(notification) = &task.notification else {
            continue;
        };
        for traced in context.traces.of_all(&notification.events) {
            if task.delivery.attempts_made == 0 {
                waited(context, unit, task, &traced, now - took);
            }
            let mut span = step(unit, task, notification, &traced, ("send", now, took));
            span.kind = SpanKind::Client;
            let attempt = u64::from(task.delivery.attempts_made) + 1;
            span.attributes.extend([
                ("messaging.operation.name", "send".into()),
                ("messaging.operation.type", "send".into()),
                ("smswatch.attempt", attempt.into()),
                (
                    "smswatch.outcome",
                    attempted.completion.outcome.word().into(),
                ),
            ]);
            if let Outcome::Retry(delay) = attempted.completion.outcome {
                let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                span.attributes
                    .push(("smswatch.retry_after_ms", delay.into()));
            }
            if attempted.completion.outcome != Outcome::Delivered {
                span.attributes.push(("error.type", kind_of(error).into()));
                span.error = Some(attempted.completion.attempt.detail.clone());
            }
            sends.push(span);
        }
    }
    link(&mut sends);
    for send in sends {
        context.traces.record(send);
    }
}

/// Tells that a delivery was held back when its turn came.
pub(super) fn held_back(context: &Context, unit: &SinkUnit, task: &Task, reason: &str) {
    let Ok(notification) = &task.notification else {
        return;
    };
    let now = context.clock.now();
    for traced in context.traces.of_all(&notification.events) {
        let took = now.since(task.delivery.queued_at);
        let mut span = step(unit, task, notification, &traced, ("queue", now, took));
        span.attributes.extend([
            ("smswatch.outcome", Outcome::Suppressed.word().into()),
            ("smswatch.reason", reason.to_owned().into()),
        ]);
        context.traces.record(span);
    }
}

/// Tells how long a delivery waited until its first attempt began, and its event for the others of its group before.
fn waited(context: &Context, unit: &SinkUnit, task: &Task, traced: &Traced<'_>, began: Timestamp) {
    let Ok(notification) = &task.notification else {
        return;
    };
    let queued_at = task.delivery.queued_at;
    if notification.alert.is_none() && notification.has_lasting_key() {
        let gathered = queued_at.since(traced.event.detected_at);
        let group = ("group", queued_at, gathered);
        context
            .traces
            .record(step(unit, task, notification, traced, group));
    }
    let queue = ("queue", began, began.since(queued_at));
    context
        .traces
        .record(step(unit, task, notification, traced, queue));
}

/// A step of a delivery, with its name, when it ended, and how long it took.
fn step(
    unit: &SinkUnit,
    task: &Task,
    notification: &Notification,
    traced: &Traced<'_>,
    (name, ended_at, took): (&str, Timestamp, Duration),
) -> TraceSpan {
    let sink = unit.name();
    let mut span = traced.span(format!("{name} {sink}"), SpanKind::Internal, ended_at, took);
    // A test goes past the rules.
    span.parent = (notification.kind != EventKind::Test).then(|| traced.id(ROUTE));
    let n_events = u64::try_from(notification.events.len()).unwrap_or(u64::MAX);
    span.attributes.extend([
        ("messaging.system", "smswatch".into()),
        ("messaging.destination.name", sink.to_owned().into()),
        ("messaging.message.id", task.delivery.id.to_string().into()),
        ("messaging.batch.message_count", n_events.into()),
        ("smswatch.rule", notification.rule.clone().into()),
        ("smswatch.severity", notification.severity.as_str().into()),
    ]);
    span
}

/// What kind of failure it was.
fn kind_of(error: Option<&DeliveryError>) -> &'static str {
    match error.map(DeliveryError::retry) {
        Some(Retry::Never) => "refused",
        Some(Retry::Gone) => "gone",
        Some(Retry::After(_)) => "busy",
        Some(Retry::Later) => "failed",
        None => "interrupted",
    }
}

/// Links the first of the steps that one attempt is with all others, and those with it.
fn link(sends: &mut [TraceSpan]) {
    let name = |span: &TraceSpan| -> (TraceId, SpanId) { (span.trace, span.id) };
    let Some((first, others)) = sends.split_first_mut() else {
        return;
    };
    let first_name = name(first);
    for other in others
        .iter_mut()
        .filter(|other| other.trace != first_name.0)
    {
        if first.links.len() < MOST_LINKS {
            first.links.push(name(other));
        }
        other.links.push(first_name);
    }
}
