#![doc = include_str!("../README.md")]

mod compress;
mod config;
mod deliver;
mod place;
mod render;
mod shape;
mod sign;
mod tls;

pub use config::{Format, RequestMethod, Status, WebhookConfig};
pub use deliver::WebhookSink;
