//! The seams of smswatch: what a sink, a provider, a store or rules of your own implement.
//!
//! Nothing in here runs: the engine behind the seams is `smswatch-core`, which a plug-in never needs to
//! depend on. A custom sink implements [`sink::Sink`] and [`sink::ConfiguredSink`].

pub mod budget;
mod clock;
pub mod codec;
pub mod provider;
mod proxy;
pub mod record;
mod redact;
mod retry_after;
pub mod rules;
mod secret;
pub mod sink;
mod span;
pub mod store;
pub mod traces;

pub use async_trait::async_trait;
pub use clock::Clock;
pub use proxy::{InvalidProxy, Proxy};
pub use redact::Redactor;
pub use retry_after::retry_after;
pub use schemars;
pub use secret::Secret;
pub use smswatch_model as model;
pub use span::{InvalidSpan, Span};

/// The version of smswatch, as it introduces itself to others.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
