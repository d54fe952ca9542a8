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

/// What is kept of an entry that cannot be routed because of `error`.
pub(crate) fn set_aside(entry: &LogEntry, error: &str) -> SetAside {
    let mut body = entry.body.clone();
    body.truncate(MAX_BODY);
    SetAside {
        position: entry.position.clone(),
        error: bounded(error),
        body,
    }
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
        let kept = set_aside(&entry, &"é".repeat(100_000));
        assert_eq!(kept.position, entry.position);
        assert_eq!(kept.body.len(), MAX_BODY);
        assert!(kept.error.len() < 10_000);
    }
}
