//! The chaos run and the simulated day, which are tests, too, what ways to learn of a status cost, and what memory is
//! measured with.
#![expect(clippy::print_stdout, reason = "a run speaks to the terminal")]

mod arguments;
pub mod chaos;
pub mod day;
pub mod memory;
mod rule_set;
pub mod sources;
mod virtual_engine;

pub use rule_set::rule_set;
