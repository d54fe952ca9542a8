#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod body;
mod config;
mod deliver;
mod probe;
mod render;
mod resolve;
mod sign;

pub use config::{Format, WebhookConfig};
pub use deliver::WebhookSink;
