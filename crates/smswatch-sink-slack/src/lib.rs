#![doc = include_str!("../README.md")]

mod answer;
mod bot;
mod channel;
mod config;
mod connector;
mod deliver;
mod mrkdwn;
mod overrides;
mod render;
mod thread;

pub use config::SlackConfig;
pub use deliver::SlackSink;
pub use overrides::{InvalidMention, Mention, SlackOverrides};
