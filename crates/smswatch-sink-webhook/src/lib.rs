#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod render;
mod sign;

pub use config::{Format, WebhookConfig};
pub use deliver::WebhookSink;
