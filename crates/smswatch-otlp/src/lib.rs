//! Sends traces to a receiver of OTLP over HTTP, in batches and in the background.
//!
//! Recording a span never waits: spans go into a bounded queue, and those that find no room are dropped and counted.
//! Batches that the receiver does not take are sent again for a while. The log says once that the receiver is away, and
//! once that it is back.

mod counts;
mod encode;
mod exporter;
mod options;
mod sample;
mod send;

pub use exporter::Exporter;
pub use options::{ExporterOptions, InvalidOptions, endpoint, header};
pub use send::probe;
