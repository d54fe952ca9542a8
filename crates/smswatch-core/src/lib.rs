//! The verbs of smswatch: observe, commit, route, deliver; and the seams between which they run.

pub mod codec;
pub mod provider;
pub mod record;
pub mod rules;
mod secret;
pub mod sink;
pub mod store;

pub use async_trait::async_trait;
pub use schemars;
pub use secret::Secret;
pub use smswatch_model as model;

/// The version of smswatch, as it introduces itself to others.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
