#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod redact;
mod render;

pub use config::{EmailConfig, EmailWishes};
pub use deliver::EmailSink;
