//! Compiles `repeat`: how long after it was told something that lasts is told again.

use std::time::Duration;

use smswatch_model::EventKind;

use super::Compiler;
use super::expect::spot;
use crate::yaml::Node;

/// What it is at least and at most.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

impl Compiler<'_> {
    /// After how many seconds the rule tells what lasts again; `None` if it does not.
    pub(super) fn repeat(&mut self, rule: &Node, kinds: &[EventKind]) -> Option<u64> {
        let entry = rule.entry("repeat")?;
        let is_of_rate = kinds.iter().any(|kind| kind.is_of_rate());
        let is_of_stuck = kinds.contains(&EventKind::Stuck) && rule.entry("after").is_some();
        if !is_of_stuck && (!is_of_rate || rule.entry("above").is_none()) {
            let message = "`repeat` is for rules about a `rate` or `stuck` messages";
            let problem = self.error(entry.key.place, message);
            problem.hint = Some("other events do not last: remove it".to_owned());
            return None;
        }
        let repeat = self.span(entry)?.duration();
        if repeat < SHORTEST || repeat > LONGEST {
            self.error(spot(entry), "`repeat` is from 1s to 7d");
            return None;
        }
        // Times are counted in whole seconds.
        Some(repeat.as_secs() + u64::from(repeat.subsec_nanos() > 0))
    }
}
