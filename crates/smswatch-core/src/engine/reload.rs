//! Takes over another configuration while everything goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::units::Units;
use crate::alarm::Alarms;
use crate::context::Context;
use crate::health::CONFIGURATION;
use crate::live::Live;
use crate::measured_rules::MeasuredRules;
use crate::rules::Rules;
use crate::settings::{Settings, SinkSettings};
use crate::sink::Sink;

/// What another configuration says.
#[derive(Debug)]
pub struct Changes {
    /// Which events matter.
    pub rules: Arc<dyn Rules>,
    /// The sinks that are new, or are configured otherwise than before.
    pub sinks: BTreeMap<String, (Arc<dyn Sink>, SinkSettings)>,
    /// The names of the sinks that stay as they are, with their connections and breakers.
    pub kept: BTreeSet<String>,
    /// Everything else. How much the provider is asked and how long the end may take stay as they
    /// are until the process starts again.
    pub settings: Settings,
}

/// Changes the configuration of a process at work. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reloader {
    pub(super) context: Arc<Context>,
    pub(super) rules: Arc<Live<dyn Rules>>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) units: Arc<Units>,
}

impl Reloader {
    /// Takes over another configuration. Nothing in flight is lost: a sink that has changed or gone
    /// claims nothing more and finishes its attempts, while its successor takes up what is queued.
    ///
    /// # Panics
    ///
    /// It is not called from within a Tokio runtime.
    pub fn reload(&self, changes: Changes) {
        let Changes {
            rules,
            sinks,
            kept,
            settings,
        } = changes;
        let before = self.context.settings();
        let settings = Settings {
            provider: before.provider,
            shutdown_timeout: before.shutdown_timeout,
            ..settings
        };
        self.alarms.change_settings(settings.alarms);
        self.context.metrics.set_config_hash(settings.config_hash);
        self.context.settings.replace(Arc::new(settings));
        // What the new rules queue has a sink to go to.
        self.units.change(sinks, |name| kept.contains(name));
        let rules = MeasuredRules::new(rules, Arc::clone(&self.context));
        self.rules.replace(Arc::new(rules));
        self.context.metrics.config_last_reload_successful.set(1);
    }

    /// Notes that another configuration could not be loaded.
    pub fn note_failure(&self) {
        self.context.metrics.config_last_reload_successful.set(0);
    }

    /// Notes why the file says something else than what is in force; `None` if both say the same.
    pub fn note_difference(&self, why: Option<&str>) {
        match why {
            Some(why) => self.context.health.trouble(CONFIGURATION, why),
            None => self.context.health.forget(CONFIGURATION),
        }
    }
}
