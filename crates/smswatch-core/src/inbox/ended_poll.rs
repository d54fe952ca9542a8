//! How long a poll took, counted as soon as it is clear whether it has a trace: only one that saw a change has.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use smswatch_model::{Timestamp, TraceId};

use crate::context::Context;
use crate::metrics;

/// A poll that has ended. Without traces it is counted at once, else when this is dropped.
pub(crate) struct EndedPoll {
    /// When the provider was asked.
    pub(crate) at: Timestamp,
    /// How long it took to answer.
    pub(crate) took: Duration,
    uncounted: Option<Arc<Context>>,
    trace: OnceLock<TraceId>,
}

impl EndedPoll {
    pub(crate) fn new(context: &Arc<Context>, at: Timestamp, took: Duration) -> Self {
        let uncounted = context.traces.are_on().then(|| Arc::clone(context));
        if uncounted.is_none() {
            metrics::observe(&context.metrics.poll_seconds, took.as_secs_f64(), None);
        }
        Self {
            at,
            took,
            uncounted,
            trace: OnceLock::new(),
        }
    }

    /// What it saw has this trace.
    pub(crate) fn has_trace(&self, trace: TraceId) {
        self.trace.get_or_init(|| trace);
    }
}

impl Drop for EndedPoll {
    fn drop(&mut self) {
        if let Some(context) = &self.uncounted {
            let (seconds, trace) = (self.took.as_secs_f64(), self.trace.get().copied());
            metrics::observe(&context.metrics.poll_seconds, seconds, trace);
        }
    }
}

impl fmt::Debug for EndedPoll {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("EndedPoll");
        shown.field("at", &self.at).field("took", &self.took);
        shown.finish_non_exhaustive()
    }
}
