//! The smswatch program as a library: settings, wiring and commands around the core.
//!
//! A program of one's own adds sinks and is complete:
//!
//! ```no_run
//! let exit = smswatch::App::new().main();
//! ```

mod app;
mod check;
mod cli;
mod client;
mod commands;
mod console;
#[cfg(feature = "demo")]
mod demo;
mod environment;
mod heartbeat;
mod log;
mod output;
mod plain;
mod reload;
mod report;
mod rules;
mod run;
mod service_manager;
mod settings;
mod signals;
mod sink_types;
mod traces;
mod wiring;

pub use app::App;
pub use smswatch_plugin as plugin;
