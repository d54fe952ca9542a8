//! The `smswatch rules` commands, which try the rules of a configuration without a running service.

mod compare;
mod event_file;
pub(crate) mod explain;
mod junit;
mod play;
pub(crate) mod scenario;
pub(crate) mod test;
