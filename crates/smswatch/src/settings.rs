//! Finds, reads and checks the configuration, and turns it into what the process is made of.

mod audience;
mod callbacks;
mod convert;
mod document;
mod effective;
mod empty;
mod fallback;
mod fault;
mod fingerprint;
mod load;
mod problem;
mod reader;
pub(crate) mod schema;
mod secrets;
mod sections;
mod shape;
mod sinks;
mod source;
mod store_url;
mod traces;
mod validate;
mod walk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use smswatch_core::Privacy;
use smswatch_core::settings::{Settings, SinkSettings};
use smswatch_http::HttpOptions;
use smswatch_plugin::sink::Sink;
use smswatch_routee::RouteeOptions;
use smswatch_rules::{Diagnostic, RuleSet};
use smswatch_store_redis::RedisOptions;

use crate::heartbeat::HeartbeatOptions;

pub(crate) use self::document::DEFAULT_LISTEN;
#[cfg(any(feature = "demo", test))]
pub(crate) use self::load::read;
pub(crate) use self::load::{in_order, load};
pub(crate) use self::problem::Problem;
pub(crate) use self::reader::diagnostic;
pub(crate) use self::sections::Sections;
pub(crate) use self::sinks::OverrideChecks;
pub(crate) use self::source::{text, usual_place};
pub(crate) use self::store_url::try_folder;
pub(crate) use self::traces::TracesOptions;
pub(crate) use self::validate::problems as shape_problems;

/// The sinks of a configuration, by name.
pub(crate) type Sinks = BTreeMap<String, (Arc<dyn Sink>, SinkSettings)>;

/// What the names in `${…}` stand for.
pub(crate) type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// A configuration file's text, and what its `${…}` stand for.
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    pub(crate) environment: Environment,
}

/// Which store the operator wants.
#[derive(Debug, Clone)]
pub(crate) enum StoreChoice {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Redis(RedisOptions),
}

/// A configuration that makes sense, in the terms of those who do the work.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) routee: RouteeOptions,
    pub(crate) store: StoreChoice,
    pub(crate) settings: Settings,
    pub(crate) privacy: Privacy,
    pub(crate) http: HttpOptions,
    /// Where callbacks are served and nothing else.
    pub(crate) callbacks_listen: Option<SocketAddr>,
    pub(crate) sinks: Sinks,
    pub(crate) rules: RuleSet,
    /// What rules may ask of the sinks.
    pub(crate) override_checks: OverrideChecks,
    pub(crate) heartbeat: Option<HeartbeatOptions>,
    pub(crate) traces: Option<TracesOptions>,
    /// Whether anything leaves through the proxies that the environment names.
    pub(crate) uses_environments_proxy: bool,
}

/// A configuration, and what is to be said about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) file: PathBuf,
    pub(crate) configuration: Configuration,
    /// The same as a person would write it out: defaults filled in, secrets hidden.
    pub(crate) effective: serde_json::Value,
    pub(crate) warnings: Vec<Diagnostic>,
    /// What tells its parts from those of another one.
    pub(crate) sections: Sections,
}

impl Loaded {
    /// Prints the warnings to standard error.
    pub(crate) fn warn(&self) {
        crate::report::show(&self.warnings);
    }
}

#[cfg(test)]
mod tests;
