#![doc = include_str!("../README.md")]

mod admin;
mod answer;
mod auth;
mod callback;
mod clock;
mod config;
mod endpoint;
mod error;
mod fate;
mod fault;
mod ids;
mod listing;
mod message;
mod misbehavior;
mod part;
mod population;
mod render;
mod script;
mod sending;
mod server;
mod shape;
mod sim;
mod stats;
mod switches;
mod text;
mod tracking;
mod world;

pub use callback::{
    Callback, CallbackStats, CallbackSwitches, Inbound, LatencyStats, RetrySchedule, Strategy,
};
pub use clock::DateForm;
pub use config::{SendConfig, SimConfig};
pub use endpoint::Endpoint;
pub use error::SimError;
pub use fate::{Fate, WeightedFate};
pub use fault::{FaultKind, FaultReport, FaultRule, RetryAfter};
pub use message::{MessageReport, MessageSpec, ServedStatus, StatusChange};
pub use population::{Advance, PopulationReport, PopulationSpec};
pub use script::{PartSpec, Step};
pub use shape::{CodeForm, NumberForm, Plus, Presence, Shape, WordCase};
pub use sim::Sim;
pub use stats::{MessageSummary, Stats};
pub use switches::{AuthSwitches, ListSwitches, RateLimit, Switches, TrackingSwitches};
