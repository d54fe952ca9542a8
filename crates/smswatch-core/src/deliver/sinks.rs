//! The sinks that are configured, which a reload can change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SinkUnit;
use crate::inbox::Queues;
use crate::live::Live;

/// Sinks by name.
pub(crate) type SinkUnits = BTreeMap<String, Arc<SinkUnit>>;

/// The sinks that are configured. Their inboxes follow them.
#[derive(Debug)]
pub(crate) struct Sinks {
    units: Live<SinkUnits>,
    queues: Queues,
}

impl Sinks {
    /// No sink; `queues` has none either.
    pub(crate) fn new(queues: Queues) -> Self {
        Self {
            units: Live::new(Arc::default()),
            queues,
        }
    }

    /// All of them, as they are now.
    pub(crate) fn all(&self) -> Arc<SinkUnits> {
        self.units.get()
    }

    /// The sink called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<SinkUnit>> {
        self.units.get().get(name).cloned()
    }

    /// Whether a sink is called `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.units.get().contains_key(name)
    }

    /// From now on these are the sinks.
    pub(crate) fn replace(&self, units: SinkUnits) {
        let inboxes = units
            .iter()
            .map(|(name, unit)| (name.clone(), Arc::clone(&unit.inbox)));
        self.queues.replace(inboxes.collect());
        self.units.replace(Arc::new(units));
    }
}
