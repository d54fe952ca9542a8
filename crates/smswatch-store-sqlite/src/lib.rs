//! The embedded store: one SQLite file, one process, no server.
//!
//! All writing is done by one thread that owns a connection. Whatever waits when it begins shares a
//! transaction, so that many small steps cost one write to the disk; each step has a savepoint of
//! its own, so that one that fails takes nothing with it, and is answered after the commit. Another
//! thread reads lists and counters on a connection of its own, so that no write waits for a page.
//!
//! A lock on the file, and on one beside it, keeps a second process away, under whatever name it opens the
//! file. It also proves that no other process lives: opening the
//! file ends all leases, so that what a killed process had claimed is due at once.

mod aside;
mod clock;
mod counts;
mod deliveries;
mod entries;
mod error;
mod events;
mod kept;
mod left;
mod lock;
mod log;
mod lookup;
mod mailbox;
mod memos;
mod numbers;
mod open;
mod open_error;
mod origins;
#[cfg(test)]
mod plans;
mod probe;
mod queues;
mod rates;
mod reader;
mod records;
mod redrive;
mod schema;
mod store;
mod trim;
mod waiting;
mod watches;
mod worker;

pub use open_error::OpenError;
pub use probe::{Probed, probe};
pub use store::SqliteStore;
