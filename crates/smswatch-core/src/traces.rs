//! Traces: which spans there are, how they hang together, and where they go. Without a receiver they cost nothing.
//!
//! The steps of a trace are found by their names, which are hashes of what the events say (`TraceId`, `SpanId`): nothing
//! about traces is stored, and each process tells what it did by itself.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{Event, SpanId, Timestamp, TraceId};
use smswatch_plugin::traces::{SpanKind, SpanValue, TraceSpan, Tracer};

use crate::metrics::Metrics;

/// The first step: the provider was asked, or told something by itself.
pub(crate) const LOOK: &str = "look";

/// The step that wrote what was seen.
pub(crate) const COMMIT: &str = "commit";

/// The step that asked the rules.
pub(crate) const ROUTE: &str = "route";

/// Where traces go, if anywhere.
#[derive(Debug, Default)]
pub(crate) struct Traces(Option<Arc<dyn Tracer>>);

/// An event that stands for all those of its trace that are told together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traced<'a> {
    pub(crate) trace: TraceId,
    pub(crate) event: &'a Event,
}

impl Traces {
    pub(crate) fn to(tracer: Option<Arc<dyn Tracer>>) -> Self {
        Self(tracer)
    }

    pub(crate) fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace of an event, if it is wanted.
    pub(crate) fn of(&self, event: &Event) -> Option<TraceId> {
        let tracer = self.0.as_ref()?;
        Some(TraceId::of(event)).filter(|trace| tracer.wants(*trace))
    }

    /// The traces of these events that are wanted, each once, in their order.
    pub(crate) fn of_all<'a>(
        &self,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Vec<Traced<'a>> {
        let mut found: Vec<Traced<'a>> = Vec::new();
        if !self.are_on() {
            return found;
        }
        for event in events {
            if let Some(trace) = self.of(event)
                && found.iter().all(|known| known.trace != trace)
            {
                found.push(Traced { trace, event });
            }
        }
        found
    }

    pub(crate) fn record(&self, span: TraceSpan) {
        if let Some(tracer) = &self.0 {
            tracer.record(span);
        }
    }

    /// Takes over into the metrics what became of the steps.
    pub(crate) fn measure(&self, metrics: &Metrics) {
        if let Some(tracer) = &self.0 {
            metrics.set_trace_spans(tracer.counts());
        }
    }
}

impl Traced<'_> {
    /// A span of the trace that ended then and took this long, with the attributes of its event.
    pub(crate) fn span(
        &self,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        ended_at: Timestamp,
        took: Duration,
    ) -> TraceSpan {
        let message = self.event.message.message_id.as_ref();
        let message = message.map(|message| ("smswatch.message_id", message.to_string().into()));
        let event = (
            "smswatch.event.type",
            SpanValue::from(self.event.kind.as_str()),
        );
        TraceSpan {
            trace: self.trace,
            id: SpanId::random(fastrand::u64(..)),
            parent: None,
            name: name.into(),
            kind,
            ended_at,
            took,
            attributes: message.into_iter().chain([event]).collect(),
            links: Vec::new(),
            error: None,
        }
    }

    /// The name of a step that the trace has once.
    pub(crate) fn id(&self, step: &str) -> SpanId {
        SpanId::of(self.trace, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_event;

    #[test]
    fn nothing_is_put_together_while_nobody_wants_it() {
        let event = test_event("routee", "crm", Timestamp::from_seconds(1), 1);
        let traces = Traces::default();
        assert!(!traces.are_on());
        assert_eq!(traces.of(&event), None);
        assert_eq!(traces.of_all([&event]).capacity(), 0);
    }
}
