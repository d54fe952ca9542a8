//! The chaos run, which is a test, too, and what it and the benchmark measure memory with.
#![expect(clippy::print_stdout, reason = "a run speaks to the terminal")]

pub mod chaos;
pub mod memory;
