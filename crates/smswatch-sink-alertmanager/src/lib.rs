#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod render;

pub use config::{AlertmanagerConfig, AlertmanagerOverrides};
pub use deliver::AlertmanagerSink;
