//! The verbs of smswatch: observe, commit, route, deliver; and the seams between which they run.

mod agenda;
mod alarm;
mod announce;
mod breaker;
mod clock;
pub mod codec;
mod commit;
mod deliver;
mod engine;
mod fallback;
mod filling;
mod fingerprint;
mod gate;
mod health;
mod history;
mod lifecycle;
mod limiter;
mod metrics;
mod observe;
mod overflow;
mod pace;
mod poison;
mod privacy;
pub mod provider;
pub mod record;
mod redrive;
mod replicas;
mod route;
pub mod rules;
mod secret;
mod service;
pub mod settings;
mod shared;
pub mod sink;
pub mod store;
mod watch;
mod watches;

pub use async_trait::async_trait;
pub use breaker::SinkState;
pub use engine::{Engine, Parts};
pub use fingerprint::config_hash;
pub use health::HealthReport;
pub use history::{EventFilter, TriedEvent};
pub use privacy::Privacy;
pub use redrive::{EndedFilter, Redriven};
pub use schemars;
pub use secret::Secret;
pub use service::{Service, ServiceError};
pub use smswatch_model as model;
pub use watches::{NewWatch, Registered, WatchView};

/// The version of smswatch, as it introduces itself to others.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
