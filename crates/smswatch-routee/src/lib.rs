//! Routee as a provider: its tokens, its tracking of single messages, and its many ways to answer.

mod body;
mod client;
mod failure;
mod loose;
mod token;
pub mod tracking;

pub use client::{RouteeOptions, RouteeProvider, SetupError};
