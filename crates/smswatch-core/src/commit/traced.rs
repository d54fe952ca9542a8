//! The first steps of a trace: what was asked, or told, and that it was written.

use std::time::Duration;

use smswatch_model::{Source, Timestamp};
use smswatch_plugin::traces::{SpanKind, TraceSpan};

use super::draft::Draft;
use crate::context::Context;
use crate::inbox::changes::{Reason, Request, Verdict};
use crate::traces::{COMMIT, LOOK, Traced};

/// How what was seen came to be seen.
struct Call {
    source: Source,
    ended_at: Timestamp,
    took: Duration,
    /// It was held until the registration of its message was waited for.
    was_held: bool,
}

/// Records the spans of a change that was just written; `took` is how long that took.
pub(super) fn committed(context: &Context, draft: &Draft, took: Duration) {
    let traced = context.traces.of_all(&draft.events);
    let Some(first) = traced.first() else {
        return;
    };
    if let Reason::Due(due) = &draft.change.reason
        && let Verdict::Answered(_, ended) = &due.verdict
    {
        ended.has_trace(first.trace);
    }
    let now = context.clock.now();
    for traced in &traced {
        let Some(look) = look(draft, traced, now) else {
            continue;
        };
        if look.was_held {
            let held = now.since(look.ended_at).saturating_sub(took);
            context.traces.record(TraceSpan {
                parent: Some(traced.id(LOOK)),
                ..traced.span("hold", SpanKind::Internal, look.ended_at + held, held)
            });
        }
        context.traces.record(first_step(context, &look, traced));
        context.traces.record(TraceSpan {
            id: traced.id(COMMIT),
            parent: Some(traced.id(LOOK)),
            ..traced.span("commit", SpanKind::Internal, now, took)
        });
    }
}

fn first_step(context: &Context, look: &Call, traced: &Traced<'_>) -> TraceSpan {
    let kind = match look.source {
        Source::Callback => SpanKind::Server,
        _ => SpanKind::Client,
    };
    let mut span = traced.span(look.source.as_str(), kind, look.ended_at, look.took);
    span.id = traced.id(LOOK);
    span.attributes
        .push(("smswatch.provider", context.provider.into()));
    if let Some(current) = &traced.event.current {
        span.attributes
            .push(("smswatch.status", current.status.clone().into()));
        let detail = current.detailed_status.clone();
        let detail = detail.map(|detail| ("smswatch.detailed_status", detail.into()));
        span.attributes.extend(detail);
    }
    span
}

/// `None` if there was no call: the watch was changed over the API.
fn look(draft: &Draft, traced: &Traced<'_>, now: Timestamp) -> Option<Call> {
    match &draft.change.reason {
        Reason::Due(due) => match &due.verdict {
            Verdict::Answered(_, ended) => Some(Call {
                source: Source::Poll,
                ended_at: ended.at + ended.took,
                took: ended.took,
                was_held: false,
            }),
            _ => None,
        },
        Reason::Asked(Request::Observe(observed), _) => {
            let observation = &observed.observation;
            // The callback is answered once it is written.
            let (ended_at, took) = match observation.source {
                Source::Callback => (now, now.since(observation.observed_at)),
                _ => (observation.observed_at + observed.took, observed.took),
            };
            Some(Call {
                source: observation.source,
                ended_at,
                took,
                was_held: false,
            })
        }
        Reason::Asked(Request::Adopt(_), _) => Some(Call {
            source: Source::Callback,
            ended_at: traced.event.detected_at,
            took: Duration::ZERO,
            was_held: true,
        }),
        Reason::Asked(..) => None,
    }
}
