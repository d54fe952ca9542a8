//! The whole engine under a clock that a test pauses: what takes minutes or days is over in milliseconds.

mod away;
mod compiled;
mod counting;
mod delivering;
mod digesting;
mod dying;
mod ending;
mod endless;
mod following;
mod gathering;
mod hanging;
mod inhibiting;
mod later_versions;
mod panicking;
mod pushing;
mod recorder;
mod remembering;
mod repeating;
mod replicas;
mod storyteller;
mod sweeping;
mod throttling;
mod tracing;
mod usual;
mod watching;
mod world;
