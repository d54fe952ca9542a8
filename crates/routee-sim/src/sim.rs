//! The handle of a running simulator: what the admin calls do, as methods.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::callback::{self, Inbound};
use crate::config::SimConfig;
use crate::error::SimError;
use crate::fault::FaultRule;
use crate::message::{MessageReport, MessageSpec, StatusChange};
use crate::population::{Advance, PopulationReport, PopulationSpec};
use crate::server;
use crate::stats::Stats;
use crate::switches::Switches;
use crate::world::World;

/// A running simulator. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    world: Arc<World>,
    server: JoinHandle<()>,
    caller: JoinHandle<()>,
}

impl Sim {
    /// Starts a simulator on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When `config.listen` cannot be bound, or (`InvalidInput`) when a message or a population of
    /// the configuration makes no sense.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(config: SimConfig) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let world = World::new(config)
            .map_err(|trouble| io::Error::new(io::ErrorKind::InvalidInput, trouble))?;
        let world = Arc::new(world);
        let listener = TcpListener::from_std(listener)?;
        let server = tokio::spawn(server::serve(Arc::clone(&world), listener));
        let caller = tokio::spawn(callback::call(Arc::clone(&world)));
        Ok(Self {
            address,
            world,
            server,
            caller,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of both the token endpoint and the API, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it; when this returns, the port is free and every connection is closed.
    pub async fn stop(mut self) {
        for task in [&mut self.server, &mut self.caller] {
            task.abort();
            // It ends by being aborted, which is what was wished.
            drop(task.await);
        }
    }

    /// Registers a message, accepted now; gives its id.
    ///
    /// # Errors
    ///
    /// When the id is taken or the script cannot be played.
    pub fn register(&self, spec: impl Into<MessageSpec>) -> Result<String, SimError> {
        Ok(self.world.register(spec.into())?.id.clone())
    }

    /// What happened to a scripted message.
    #[must_use]
    pub fn message(&self, id: &str) -> Option<MessageReport> {
        let now_ms = self.world.clock.now_ms();
        self.world.message(id).map(|message| message.report(now_ms))
    }

    /// Gives a message this status now; what its script still had in store is dropped.
    ///
    /// # Errors
    ///
    /// When the message is not known or has no such part.
    pub fn set_status(&self, id: &str, change: &StatusChange) -> Result<(), SimError> {
        self.world.set_status(id, change).map(drop)
    }

    /// Lets the next step of every part of a message happen now; says how many parts had one.
    ///
    /// # Errors
    ///
    /// When the message is not known.
    pub fn advance_message(&self, id: &str) -> Result<usize, SimError> {
        self.world.advance_message(id)
    }

    /// Forgets a message: it is 404 from now on. Says whether there was one.
    pub fn forget(&self, id: &str) -> bool {
        self.world.forget(id)
    }

    /// Makes a population.
    ///
    /// # Errors
    ///
    /// When the name is taken or the order makes no sense.
    pub fn add_population(&self, spec: PopulationSpec) -> Result<(), SimError> {
        self.world.add_population(spec)
    }

    /// The ids of a population from `offset` on, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// When there is no such population.
    pub fn population_ids(
        &self,
        name: &str,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<String>, SimError> {
        let population = self.world.population(name)?;
        let end = offset.saturating_add(limit).min(population.spec.count);
        Ok((offset..end)
            .map(|index| population.message_id(index).to_string())
            .collect())
    }

    /// What happened to a population.
    ///
    /// # Errors
    ///
    /// When there is no such population.
    pub fn population(&self, name: &str) -> Result<PopulationReport, SimError> {
        Ok(self.world.population(name)?.report())
    }

    /// Moves messages of a population to their next steps; says how many will have moved.
    ///
    /// # Errors
    ///
    /// When there is no such population or the rate is not above 0.
    pub fn advance(&self, name: &str, order: Advance) -> Result<u64, SimError> {
        self.world.advance_population(name, order)
    }

    /// Lets a message come in: it is told at the default URL of the callbacks. Says whether there is one.
    ///
    /// # Errors
    ///
    /// When the default URL is none.
    pub fn receive(&self, inbound: &Inbound) -> Result<bool, SimError> {
        self.world.receive(inbound)
    }

    /// The switches as they stand.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.world.active().switches.clone()
    }

    /// Replaces all switches; fault rules start to count anew.
    pub fn set_switches(&self, switches: Switches) {
        self.world.set_switches(switches);
    }

    /// Changes what a merge patch names; `null` is the default.
    ///
    /// # Errors
    ///
    /// Names the key or the value that is not known.
    pub fn merge_switches(&self, patch: &Value) -> Result<Switches, SimError> {
        self.world.merge_switches(patch)
    }

    /// Adds a fault rule behind those that are there.
    pub fn add_fault(&self, rule: FaultRule) {
        self.world.add_fault(rule);
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.world.clear_faults();
    }

    /// Kills every token; says how many there were.
    pub fn revoke_tokens(&self) -> usize {
        self.world.tokens.revoke()
    }

    /// Moves the simulator's clock: messages go on, tokens grow old.
    pub fn advance_clock(&self, by_ms: i64) {
        self.world.advance_clock(by_ms);
    }

    /// The numbers so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.world.stats(true)
    }

    /// Forgets everything and begins again with the configuration of the start.
    pub fn reset(&self) {
        self.world.reset();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.server.abort();
        self.caller.abort();
    }
}
