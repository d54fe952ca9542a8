//! Traces out: hands the steps of traces to whoever takes OTLP over HTTP, in batches and in its own time.
//!
//! Whoever records a step is never held up: steps wait in a bounded queue, and what finds no room is dropped and counted.
//! Batches that a receiver does not take now are sent again for a while. A receiver that is away is told once in the log,
//! and once more when it is back.

mod encode;
mod exporter;
mod options;
mod sample;
mod send;

pub use exporter::Exporter;
pub use options::{ExporterOptions, InvalidOptions, endpoint, header};
pub use send::probe;
