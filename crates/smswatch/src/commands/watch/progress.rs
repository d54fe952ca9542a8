//! How far a long file is registered: a line on standard error, where that is a terminal.

use std::io::IsTerminal as _;

use smswatch_api::watches::RegisteredReply;

use crate::log;

/// A line that is written again and again.
pub(super) struct Progress {
    is_shown: bool,
    is_open: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            is_open: false,
        }
    }

    /// Everything up to this line is registered.
    pub(super) fn show(&mut self, line: u64, registered: &RegisteredReply) {
        if self.is_shown {
            let RegisteredReply {
                accepted,
                already_watched,
                ..
            } = registered;
            log::say(&format!(
                "\rline {line}: {accepted} accepted, {already_watched} already watched "
            ));
            self.is_open = true;
        }
    }

    /// Something else is going to be written.
    pub(super) fn end(&mut self) {
        if self.is_open {
            log::say("\n");
            self.is_open = false;
        }
    }
}
