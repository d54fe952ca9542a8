#![doc = include_str!("../README.md")]

mod config;
mod connection;
mod deliver;
mod encryption;
mod envelope;
mod idle;
mod outcome;
mod pipeline;
mod progress;
mod redact;
mod relay;
mod render;
mod reply;
mod session;
mod seven_bit;
mod stream;
mod trouble;

pub use config::{EmailConfig, EmailOverrides};
pub use deliver::EmailSink;
