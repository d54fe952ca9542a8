//! The step of a trace in which the rules were asked.

use std::time::Duration;

use smswatch_model::{Event, Timestamp};
use smswatch_plugin::traces::{SpanKind, TraceSpan};

use crate::context::Context;
use crate::store::NewDelivery;
use crate::traces::{COMMIT, ROUTE};

/// What the rules made of the events of an entry, deliveries and `n_grouped` matches for groups, as spans that have not
/// ended yet; empty while nobody takes traces.
pub(super) fn spans(
    context: &Context,
    events: &[Event],
    deliveries: &[NewDelivery],
    n_grouped: usize,
    now: Timestamp,
) -> Vec<TraceSpan> {
    let traced = context.traces.of_all(events);
    if traced.is_empty() {
        return Vec::new();
    }
    let suppressed = deliveries.iter().filter(|made| made.suppressed.is_some());
    let n_suppressed = suppressed.count();
    let figures = [
        ("smswatch.deliveries", deliveries.len() - n_suppressed),
        ("smswatch.deliveries.suppressed", n_suppressed),
        ("smswatch.groups", n_grouped),
    ];
    let spans = traced.iter().map(|traced| {
        let mut span = traced.span("route", SpanKind::Consumer, now, Duration::ZERO);
        span.id = traced.id(ROUTE);
        // Events about smswatch itself come from no call and no commit.
        let is_about_message = traced.event.message.message_id.is_some();
        span.parent = is_about_message.then(|| traced.id(COMMIT));
        span.attributes.extend([
            ("messaging.system", "smswatch".into()),
            ("messaging.operation.name", "route".into()),
            ("messaging.operation.type", "process".into()),
        ]);
        let figures = figures.into_iter();
        span.attributes.extend(figures.map(|(name, figure)| {
            let figure = u64::try_from(figure).unwrap_or(u64::MAX);
            (name, figure.into())
        }));
        span
    });
    spans.collect()
}

/// Records spans that have just ended.
pub(super) fn ended(context: &Context, spans: Vec<TraceSpan>, took: Duration) {
    let ended_at = context.clock.now();
    for span in spans {
        context.traces.record(TraceSpan {
            ended_at,
            took,
            ..span
        });
    }
}
