//! Chores that tests run too.
#![expect(clippy::print_stdout, reason = "chores speak to the terminal")]

pub mod chaos;
pub mod memory;
