//! Log entries that cannot be routed: tried a few times, then set aside, so that they block nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::panics::panic_text;
use crate::sink::bounded;
use crate::store::{LogEntry, SetAside};

/// How often the rules are tried on an entry before it is set aside.
const TRIES: u32 = 3;

/// How many bytes of an entry are kept when it is set aside.
const MAX_BODY: usize = 4096;

/// What `attempt` answers when it does not panic; what it said when it did so every time.
pub(crate) fn without_panic<T>(attempt: impl Fn() -> T) -> Result<T, String> {
    let mut what = String::new();
    for _ in 0..TRIES {
        match catch_unwind(AssertUnwindSafe(&attempt)) {
            Ok(done) => return Ok(done),
            Err(panic) => what = panic_text(panic.as_ref()).to_owned(),
        }
    }
    Err(format!("the rules panicked {TRIES} times: {what}"))
}

/// What is kept of an entry that cannot be routed: all of it where a later version can.
pub(crate) fn set_aside(entry: LogEntry, problem: &Problem) -> SetAside {
    let mut body = entry.body;
    if !problem.is_newer {
        body.truncate(MAX_BODY);
    }
    SetAside {
        position: entry.position,
        error: bounded(&problem.error),
        body,
        is_newer: problem.is_newer,
    }
}

/// Why an entry cannot be routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) error: String,
    /// It seems to be of a later version, which can.
    pub(crate) is_newer: bool,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::store::LogPosition;

    #[test]
    fn what_panics_now_and_then_is_done_and_what_always_does_is_given_up() {
        let n_tried = Cell::new(0);
        let third_time = || {
            n_tried.set(n_tried.get() + 1);
            assert!(n_tried.get() == 3, "not yet");
            "done"
        };
        assert_eq!(without_panic(third_time), Ok("done"));
        let never = || -> () { panic!("at {}", "once") };
        let error = without_panic(never).expect_err("it always panics");
        assert_eq!(error, "the rules panicked 3 times: at once");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let entry = LogEntry {
            position: LogPosition("7".to_owned()),
            body: vec![7; 100_000],
        };
        let problem = |is_newer| Problem {
            error: "é".repeat(100_000),
            is_newer,
        };
        let kept = set_aside(entry.clone(), &problem(false));
        assert_eq!(kept.position, entry.position);
        assert_eq!(kept.body.len(), MAX_BODY);
        assert!(kept.error.len() < 10_000);
        let whole = set_aside(entry.clone(), &problem(true));
        assert_eq!(whole.body, entry.body, "a later version needs all of it");
    }
}
