//! The state of a simulator and the commands that change it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use serde_json::Value;

use crate::auth::Tokens;
use crate::callback::{Agenda, Campaign};
use crate::clock::Clock;
use crate::config::SimConfig;
use crate::error::SimError;
use crate::fault::{ActiveFault, FaultRule};
use crate::message::{Message, MessageSpec, StatusChange};
use crate::population::{Advance, Population, PopulationSpec};
use crate::stats::{Counters, Stats};
use crate::switches::{RateLimit, Switches};

/// Everything that a running simulator knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: SimConfig,
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) counters: Counters,
    pub(crate) callbacks: Agenda,
    campaigns: Mutex<HashMap<String, Campaign>>,
    active: RwLock<Arc<Active>>,
    messages: RwLock<Messages>,
    populations: RwLock<Arc<[Arc<Population>]>>,
    random: Mutex<fastrand::Rng>,
    bucket: Mutex<Bucket>,
}

/// The switches as they stand, with the faults at work.
#[derive(Debug, Default)]
pub(crate) struct Active {
    pub(crate) switches: Switches,
    pub(crate) faults: Vec<Arc<ActiveFault>>,
}

#[derive(Debug, Default)]
struct Messages {
    by_id: HashMap<String, Arc<Message>>,
    in_order: Vec<Arc<Message>>,
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    filled_at: Instant,
}

impl World {
    /// A world as `config` wants it.
    pub(crate) fn new(config: SimConfig) -> Result<Self, SimError> {
        let world = Self {
            clock: Clock::default(),
            tokens: Tokens::default(),
            counters: Counters::default(),
            callbacks: Agenda::default(),
            campaigns: Mutex::default(),
            active: RwLock::default(),
            messages: RwLock::default(),
            populations: RwLock::new(Arc::new([])),
            random: Mutex::new(fastrand::Rng::with_seed(config.seed)),
            bucket: Mutex::new(Bucket {
                level: f64::INFINITY,
                filled_at: Instant::now(),
            }),
            config,
        };
        world.furnish()?;
        Ok(world)
    }

    fn furnish(&self) -> Result<(), SimError> {
        self.set_switches(self.config.switches.clone());
        for spec in &self.config.messages {
            self.register(spec.clone())?;
        }
        for spec in &self.config.populations {
            self.add_population(spec.clone())?;
        }
        Ok(())
    }

    /// Forgets everything that happened since the start.
    pub(crate) fn reset(&self) {
        self.clock.reset();
        self.tokens.reset();
        self.counters.reset();
        self.callbacks.reset();
        self.campaigns().clear();
        *write(&self.messages) = Messages::default();
        *write(&self.populations) = Arc::new([]);
        *self.random.lock().unwrap_or_else(PoisonError::into_inner) =
            fastrand::Rng::with_seed(self.config.seed);
        self.furnish()
            .expect("the configuration was accepted at the start");
    }

    pub(crate) fn random(&self) -> u64 {
        self.random
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .u64(..)
    }

    /// A random number from 0 to 1.
    pub(crate) fn chance(&self) -> f64 {
        self.random
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .f64()
    }

    /// The campaigns that were sent, by their ids.
    pub(crate) fn campaigns(&self) -> MutexGuard<'_, HashMap<String, Campaign>> {
        self.campaigns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn active(&self) -> Arc<Active> {
        Arc::clone(&read(&self.active))
    }

    pub(crate) fn set_switches(&self, switches: Switches) {
        let faults = switches
            .faults
            .iter()
            .map(|rule| Arc::new(ActiveFault::new(rule.clone())))
            .collect();
        self.activate(Active { switches, faults });
        self.refill_bucket();
    }

    fn activate(&self, active: Active) {
        let url = active.switches.callbacks.url.clone();
        let before = std::mem::replace(&mut *write(&self.active), Arc::new(active));
        if url.is_some() && url != before.switches.callbacks.url {
            self.expect_changes_of_all();
        }
        self.callbacks.look_again();
    }

    /// Applies a merge patch; fault rules that it does not name keep their counts.
    pub(crate) fn merge_switches(&self, patch: &Value) -> Result<Switches, SimError> {
        let before = self.active();
        let switches = before.switches.merged(patch)?;
        if patch.get("faults").is_some() {
            self.set_switches(switches.clone());
        } else {
            let faults = before.faults.clone();
            self.activate(Active {
                switches: switches.clone(),
                faults,
            });
            if patch.get("rate_limit").is_some() {
                self.refill_bucket();
            }
        }
        Ok(switches)
    }

    fn refill_bucket(&self) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        *bucket = Bucket {
            level: f64::INFINITY,
            filled_at: Instant::now(),
        };
    }

    pub(crate) fn add_fault(&self, rule: FaultRule) {
        let mut active = write(&self.active);
        let mut switches = active.switches.clone();
        let mut faults = active.faults.clone();
        switches.faults.push(rule.clone());
        faults.push(Arc::new(ActiveFault::new(rule)));
        *active = Arc::new(Active { switches, faults });
    }

    pub(crate) fn clear_faults(&self) {
        let mut active = write(&self.active);
        let switches = Switches {
            faults: Vec::new(),
            ..active.switches.clone()
        };
        *active = Arc::new(Active {
            switches,
            faults: Vec::new(),
        });
    }

    /// Whether the rate limit lets a request through.
    pub(crate) fn admits(&self, limit: &RateLimit) -> bool {
        let burst = limit.burst.unwrap_or(limit.requests_per_second).max(1.0);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let filled = now.duration_since(bucket.filled_at).as_secs_f64() * limit.requests_per_second;
        bucket.filled_at = now;
        bucket.level = (bucket.level + filled).min(burst);
        let admits = bucket.level >= 1.0;
        if admits {
            bucket.level -= 1.0;
        } else {
            self.counters.rate_limited.fetch_add(1, Ordering::Relaxed);
        }
        admits
    }

    /// Registers a message, accepted now.
    pub(crate) fn register(&self, spec: MessageSpec) -> Result<Arc<Message>, SimError> {
        let message = Message::new(spec, self.clock.now_ms(), || self.random())?;
        let message = Arc::new(message);
        let mut messages = write(&self.messages);
        if messages.by_id.contains_key(&message.id) {
            return Err(SimError::Taken(message.id.clone()));
        }
        messages
            .by_id
            .insert(message.id.clone(), Arc::clone(&message));
        messages.in_order.push(Arc::clone(&message));
        drop(messages);
        self.expect_change_of(&message);
        Ok(message)
    }

    /// Gives a message a status now.
    pub(crate) fn set_status(
        &self,
        id: &str,
        change: &StatusChange,
    ) -> Result<Arc<Message>, SimError> {
        let message = self.known_message(id)?;
        message.set_status(change, self.clock.now_ms())?;
        self.expect_change_of(&message);
        Ok(message)
    }

    /// Lets the next step of every part of a message happen now; says how many parts had one.
    pub(crate) fn advance_message(&self, id: &str) -> Result<usize, SimError> {
        let message = self.known_message(id)?;
        let moved = message.advance(self.clock.now_ms());
        self.expect_change_of(&message);
        Ok(moved)
    }

    /// Moves messages of a population; says how many.
    pub(crate) fn advance_population(&self, name: &str, order: Advance) -> Result<u64, SimError> {
        let now_ms = self.clock.now_ms();
        let population = self.population(name)?;
        let moved = population.advance(order.clone(), now_ms)?;
        self.expect_moves_of(&population, &order, now_ms);
        Ok(moved)
    }

    /// Moves the clock.
    pub(crate) fn advance_clock(&self, by_ms: i64) {
        self.clock.advance(by_ms);
        self.callbacks.look_again();
    }

    /// The message of this id, which must be there.
    pub(crate) fn known_message(&self, id: &str) -> Result<Arc<Message>, SimError> {
        self.message(id)
            .ok_or_else(|| SimError::UnknownMessage(id.to_owned()))
    }

    /// Forgets a message; says whether there was one.
    pub(crate) fn forget(&self, id: &str) -> bool {
        let mut messages = write(&self.messages);
        messages.in_order.retain(|message| message.id != id);
        messages.by_id.remove(id).is_some()
    }

    pub(crate) fn message(&self, id: &str) -> Option<Arc<Message>> {
        read(&self.messages).by_id.get(id).cloned()
    }

    /// All scripted messages in the order of their registration.
    pub(crate) fn messages(&self) -> Vec<Arc<Message>> {
        read(&self.messages).in_order.clone()
    }

    pub(crate) fn add_population(&self, spec: PopulationSpec) -> Result<(), SimError> {
        let population = Population::new(spec, self.clock.now_ms())?;
        let mut populations = write(&self.populations);
        if populations
            .iter()
            .any(|other| other.spec.name == population.spec.name)
        {
            return Err(SimError::Taken(population.spec.name));
        }
        let population = Arc::new(population);
        *populations = populations.iter().chain([&population]).cloned().collect();
        drop(populations);
        self.expect_changes_of(&population);
        Ok(())
    }

    pub(crate) fn populations(&self) -> Arc<[Arc<Population>]> {
        Arc::clone(&read(&self.populations))
    }

    pub(crate) fn population(&self, name: &str) -> Result<Arc<Population>, SimError> {
        let populations = read(&self.populations);
        let found = populations
            .iter()
            .find(|population| population.spec.name == name);
        found
            .cloned()
            .ok_or_else(|| SimError::UnknownPopulation(name.to_owned()))
    }

    /// The numbers so far, those of each scripted message only if wished.
    pub(crate) fn stats(&self, with_messages: bool) -> Stats {
        let now_ms = self.clock.now_ms();
        let mut stats = self.counters.stats();
        stats.tokens_issued = self.tokens.issued();
        stats.callbacks = self.callbacks.stats();
        stats.faults = self
            .active()
            .faults
            .iter()
            .map(|fault| fault.report())
            .collect();
        for population in self.populations().iter() {
            let report = population.report();
            stats.changes_served += report.changes_served.unwrap_or(0);
            stats.populations.insert(report.name.clone(), report);
        }
        let mut messages = BTreeMap::new();
        for message in self.messages() {
            let report = message.report(now_ms);
            stats.changes_served += report.changes_served;
            if with_messages {
                messages.insert(message.id.clone(), report.into());
            }
        }
        stats.messages = messages;
        stats
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
