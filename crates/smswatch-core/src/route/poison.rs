//! Log entries that cannot be routed: set aside, so that they block nothing.

use crate::sink::bounded;
use crate::store::{LogEntry, SetAside};

/// How many bytes of an entry are kept when it is set aside.
const MAX_BODY: usize = 4096;

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
    use super::*;
    use crate::store::LogPosition;

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
