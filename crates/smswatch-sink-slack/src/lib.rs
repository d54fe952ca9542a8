#![doc = include_str!("../README.md")]

mod answer;
mod channel;
mod config;
mod connector;
mod deliver;
mod mrkdwn;
mod redact;
mod render;
mod wishes;

pub use config::SlackConfig;
pub use deliver::SlackSink;
pub use wishes::{InvalidMention, Mention, SlackWishes};
