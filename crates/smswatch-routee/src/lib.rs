//! Routee as a provider: its tokens, its tracking of one message and of many, its callbacks, and its
//! many ways to answer.

mod body;
mod callback;
mod client;
mod date;
mod failure;
mod guid;
mod item;
mod listing;
mod loose;
mod mend;
mod message;
mod messages;
mod refusal;
mod rows;
mod token;
pub mod tracking;

pub use client::{RouteeOptions, RouteeProvider, SetupError};
