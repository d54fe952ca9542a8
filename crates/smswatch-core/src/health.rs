//! What works and what is in trouble, for `/readyz` and `smswatch status`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The store's name among the parts.
pub(crate) const STORE: &str = "store";
/// The provider's name among the parts.
pub(crate) const PROVIDER: &str = "provider";

/// The starting of polls in time, among the parts.
pub(crate) const POLLING: &str = "polling";

/// The arrival of callbacks, among the parts: where the configuration has any.
pub(crate) const CALLBACKS: &str = "callbacks";

/// The sweep, among the parts: where it has failed. Of several, each has its number behind a colon.
pub(crate) const SWEEP: &str = "sweep";

/// The agreement with the other processes on the store, among the parts.
pub(crate) const REPLICAS: &str = "replicas";

/// The configuration file, among the parts: while it says something else than what is in force.
pub(crate) const CONFIGURATION: &str = "configuration";

/// What the store holds, among the parts: in trouble when it is not what it should be.
pub(crate) const CONTENTS: &str = "contents";

/// How the process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether it does its work: it has started, does not stop, and the store is there.
    pub ready: bool,
    /// Every part by name, with its trouble if it has any.
    pub parts: BTreeMap<String, Option<String>>,
}

impl HealthReport {
    /// A process that has not started yet and is in no trouble.
    #[must_use]
    pub fn starting() -> Self {
        Self {
            ready: false,
            parts: BTreeMap::from([(STORE.to_owned(), None)]),
        }
    }

    /// A process that has not started yet because its store is not there.
    #[must_use]
    pub fn waiting_for_store(trouble: &str) -> Self {
        Self {
            ready: false,
            parts: BTreeMap::from([(STORE.to_owned(), Some(trouble.to_owned()))]),
        }
    }
}

/// How far the life of the process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Stopping,
}

impl HealthReport {
    /// Whether the process does its work and every part of it is well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.is_well_apart_from("")
    }

    /// Whether the process does its work and every part of it other than `part` is well.
    #[must_use]
    pub fn is_well_apart_from(&self, part: &str) -> bool {
        let mut others = self.parts.iter().filter(|(name, _)| *name != part);
        self.ready && others.all(|(_, trouble)| trouble.is_none())
    }
}

#[derive(Debug)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    parts: BTreeMap<String, Option<String>>,
}

impl Health {
    pub(crate) fn new(parts: impl IntoIterator<Item = String>) -> Self {
        let parts = parts.into_iter().map(|part| (part, None)).collect();
        Self {
            state: Mutex::new(State {
                phase: Phase::Starting,
                parts,
            }),
        }
    }

    pub(crate) fn running(&self) {
        self.with(|state| state.phase = Phase::Running);
    }

    pub(crate) fn stopping(&self) {
        self.with(|state| state.phase = Phase::Stopping);
    }

    /// Notes that a part is in trouble; logs it when it was well before, or in another trouble. Trouble
    /// that differs in figures alone, such as how often it was seen, is the same.
    pub(crate) fn trouble(&self, part: &str, trouble: &str) {
        let is_new = self.with(|state| {
            let before = state
                .parts
                .insert(part.to_owned(), Some(trouble.to_owned()));
            before
                .flatten()
                .is_none_or(|before| !without_figures(&before).eq(without_figures(trouble)))
        });
        if is_new {
            tracing::warn!(part, trouble, "a part is in trouble");
        }
    }

    /// Notes that a part is well; logs it when it was in trouble before.
    pub(crate) fn well(&self, part: &str) {
        let is_new = self.with(|state| match state.parts.get_mut(part) {
            Some(trouble) => trouble.take().is_some(),
            None => state.parts.insert(part.to_owned(), None).is_some(),
        });
        if is_new {
            tracing::info!(part, "a part is well again");
        }
    }

    /// Takes a part off the report that is only told while it is in trouble.
    pub(crate) fn forget(&self, part: &str) {
        let forgotten = self.with(|state| state.parts.remove(part));
        if forgotten.flatten().is_some() {
            tracing::info!(part, "a part is well again");
        }
    }

    pub(crate) fn is_in_trouble(&self, part: &str) -> bool {
        self.with(|state| state.parts.get(part).is_some_and(Option::is_some))
    }

    pub(crate) fn report(&self) -> HealthReport {
        self.with(|state| {
            let store_is_well = state.parts.get(STORE).is_none_or(Option::is_none);
            HealthReport {
                ready: state.phase == Phase::Running && store_is_well,
                parts: state.parts.clone(),
            }
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The characters of a text that are no digits.
fn without_figures(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|character| !character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_store_decides_whether_a_running_process_is_ready() {
        let health = Health::new([STORE, PROVIDER].map(str::to_owned));
        assert!(!health.report().ready, "it has not started");
        health.running();
        health.trouble(PROVIDER, "it refuses the credentials");
        assert!(health.report().ready);
        assert!(!health.report().is_well());
        assert!(health.report().is_well_apart_from(PROVIDER));
        health.trouble(STORE, "connection refused");
        assert!(!health.report().ready);
        health.well(STORE);
        assert!(health.report().ready);
        health.well(PROVIDER);
        assert!(health.report().is_well());
        health.stopping();
        assert!(!health.report().ready);
    }
}
