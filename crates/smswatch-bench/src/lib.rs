//! The chaos run and the simulated day, which are tests, too, and what memory is measured with.
#![expect(clippy::print_stdout, reason = "a run speaks to the terminal")]

pub mod chaos;
pub mod day;
pub mod memory;
