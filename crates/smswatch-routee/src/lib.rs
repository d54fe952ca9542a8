//! Routee as a provider: its tokens, its tracking of single messages, and its many ways to answer.

mod body;
mod client;
mod date;
mod failure;
mod guid;
mod item;
mod loose;
mod mend;
mod refusal;
mod rows;
mod token;
pub mod tracking;

pub use client::{RouteeOptions, RouteeProvider, SetupError};
