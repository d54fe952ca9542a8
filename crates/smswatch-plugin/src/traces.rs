//! Where traces go: what the engine tells of each step that a change goes through, and who takes it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use smswatch_model::{SpanId, Timestamp, TraceId};

/// Takes the steps of traces, and hands them on in its own time.
///
/// # Contract
///
/// - Nothing here waits or fails: what there is no room for is dropped, and counted.
/// - What becomes of a trace in one process it becomes in all of them.
pub trait Tracer: fmt::Debug + Send + Sync {
    /// Whether steps of this trace are wanted. It is asked before they are put together.
    fn wants(&self, trace: TraceId) -> bool;

    /// Takes a step that has ended.
    fn record(&self, span: TraceSpan);

    /// What became of the steps so far.
    fn counts(&self) -> SpanCounts;
}

/// A step of a trace that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSpan {
    /// The trace.
    pub trace: TraceId,
    /// The step's own name.
    pub id: SpanId,
    /// The step that led to it; `None` for the first one.
    pub parent: Option<SpanId>,
    /// What it is called.
    pub name: Cow<'static, str>,
    /// Which side of a call it is, if it is one.
    pub kind: SpanKind,
    /// When it ended, by the store's clock.
    pub ended_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What is known of it. There are neither numbers nor texts of messages among it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Steps of other traces that belong to it.
    pub links: Vec<(TraceId, SpanId)>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Which side of a call a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// None: it takes place in smswatch.
    Internal,
    /// Somebody else asks.
    Server,
    /// Somebody else is asked.
    Client,
    /// It takes up what an earlier step has left for it.
    Consumer,
}

/// What is known of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanValue {
    /// Words.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for SpanValue {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for SpanValue {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// What became of steps, as a count since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanCounts {
    /// They were taken.
    pub exported: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// They could not be handed on, or were refused.
    pub failed: u64,
}
