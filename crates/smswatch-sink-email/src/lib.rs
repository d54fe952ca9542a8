#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod outcome;
mod redact;
mod relay;
mod render;
mod reply;
mod session;
mod trouble;

pub use config::{EmailConfig, EmailWishes};
pub use deliver::EmailSink;
