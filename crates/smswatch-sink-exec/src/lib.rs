#![doc = include_str!("../README.md")]

mod config;
mod deliver;
mod environment;
mod group;
mod line;
mod outcome;
mod overrides;
mod program;
mod render;

pub use config::{ExecConfig, Input};
pub use deliver::ExecSink;
pub use overrides::ExecOverrides;
