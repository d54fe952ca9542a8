//! The `smswatch rules` commands, which try the rules of a configuration; nobody is notified.

pub(crate) mod backtest;
mod compare;
mod event_file;
pub(crate) mod explain;
mod junit;
mod play;
pub(crate) mod scenario;
pub(crate) mod test;
mod tested;
pub(crate) mod trial;
