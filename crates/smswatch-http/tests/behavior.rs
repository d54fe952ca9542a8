//! The API keeps its promises, with a real engine, the embedded store and real connections.

#[path = "behavior/access.rs"]
mod access;
#[path = "behavior/described.rs"]
mod described;
#[path = "behavior/errors.rs"]
mod errors;
#[path = "behavior/health.rs"]
mod health;
#[path = "behavior/history.rs"]
mod history;
#[path = "behavior/house.rs"]
mod house;
#[path = "behavior/pages.rs"]
mod pages;
#[path = "behavior/parts.rs"]
mod parts;
#[path = "behavior/redrive.rs"]
mod redrive;
#[path = "behavior/sinks.rs"]
mod sinks;
#[path = "behavior/strangers.rs"]
mod strangers;
#[path = "behavior/stream.rs"]
mod stream;
#[path = "behavior/visitor.rs"]
mod visitor;
#[path = "behavior/watches.rs"]
mod watches;
