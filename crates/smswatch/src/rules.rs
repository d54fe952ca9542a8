//! The `smswatch rules` commands, which try the rules of a configuration without a running service.

mod event_file;
pub(crate) mod explain;
