//! The seam to traces: a span for each step that a change goes through, and where spans go.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use smswatch_model::{SpanId, Timestamp, TraceId};

/// Takes spans, and sends them on in the background.
///
/// # Contract
///
/// - No call waits or fails: spans for which there is no room are dropped and counted.
/// - All processes choose the same traces.
pub trait Tracer: fmt::Debug + Send + Sync {
    /// Returns whether spans of this trace are wanted. It is called before they are made.
    fn wants(&self, trace: TraceId) -> bool;

    /// Takes a span that has ended.
    fn record(&self, span: TraceSpan);

    /// Counts the spans so far.
    fn counts(&self) -> SpanCounts;
}

/// A span that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSpan {
    /// The trace.
    pub trace: TraceId,
    /// The span's id.
    pub id: SpanId,
    /// The span that led to it; `None` for the first one.
    pub parent: Option<SpanId>,
    /// What it is called.
    pub name: Cow<'static, str>,
    /// Which side of a call it is, if it is one.
    pub kind: SpanKind,
    /// When it ended, by the store's clock.
    pub ended_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Its attributes. They hold neither phone numbers nor texts of messages.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Spans of other traces that belong to it.
    pub links: Vec<(TraceId, SpanId)>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// Which side of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// None: it takes place in smswatch.
    Internal,
    /// The server side of a call: another program called smswatch.
    Server,
    /// The client side of a call: smswatch called another program.
    Client,
    /// It takes up work that an earlier span queued.
    Consumer,
}

/// The value of an attribute.
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

/// Counts of spans since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanCounts {
    /// The receiver took them.
    pub exported: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// They could not be sent, or were refused.
    pub failed: u64,
}
