//! The built binary against a simulated Routee, real stores and real receivers on loopback.

mod alarms;
mod breaker;
mod check;
mod clocks;
mod crash;
mod dead;
mod destinations;
mod door;
mod fleet;
mod mail;
mod memory;
mod outage;
mod overflow;
mod payload;
mod poison;
mod privacy;
mod process;
mod rate;
mod reader;
mod refined;
mod replicas;
mod shards;
mod shutdown;
mod stage;
mod story;
mod versions;
