//! The group of processes that one attempt starts, none of which outlives the attempt.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A program and all that it started in its own process group; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group of a child that leads one of its own and has not been waited for yet.
    pub(crate) fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        Self(leader.and_then(Pid::from_raw))
    }

    /// Asks all of them to end.
    pub(crate) fn ask_to_end(&self) {
        self.send(Signal::TERM);
    }

    /// Kills all of them, and forgets them: the system may give their number to another process.
    pub(crate) fn kill(&mut self) {
        self.send(Signal::KILL);
        self.0 = None;
    }

    fn send(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // The only error is that all of them have ended.
            let _has_ended = kill_process_group(leader, signal).is_err();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
