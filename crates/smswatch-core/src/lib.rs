//! The verbs of smswatch: observe, commit, route, deliver; and the seams between which they run.

mod agenda;
mod alarm;
mod announce;
mod clock;
pub mod codec;
mod commit;
mod deliver;
mod engine;
mod fingerprint;
mod health;
mod intake;
mod limiter;
mod memo;
mod metrics;
mod observe;
mod pace;
mod panics;
mod privacy;
pub mod provider;
mod proxy;
pub mod record;
mod replicas;
mod retry_after;
mod route;
pub mod rules;
mod secret;
mod service;
pub mod settings;
mod shared;
pub mod sink;
pub mod store;
mod watch;
mod witness;

pub use async_trait::async_trait;
pub use engine::{Engine, Parts};
pub use fingerprint::config_hash;
pub use health::HealthReport;
pub use privacy::Privacy;
pub use proxy::{InvalidProxy, Proxy};
pub use retry_after::retry_after;
pub use schemars;
pub use secret::Secret;
pub use service::{
    DestinationState, EndedFilter, EventFilter, GivenUp, MAX_TAG_BYTES, MAX_TAGS, NewWatch,
    Redriven, Registered, Service, ServiceError, SinkState, SinkTest, SinkTestOutcome, TriedEvent,
    WatchView, no_such_sink,
};
pub use smswatch_model as model;
pub use watch::{Trouble, TroubleKind};

/// The version of smswatch, as it introduces itself to others.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
