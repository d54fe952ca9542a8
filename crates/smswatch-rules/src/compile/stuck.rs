//! Compiles `after`: how long after its registration a message may have no final status.

use smswatch_model::EventKind;

use super::Compiler;
use super::expect::spot;
use crate::event_word::KINDS;
use crate::yaml::Node;

/// How many different values of `after` and `repeat` all rules together may have: each makes an event of its own of every
/// message that is stuck.
const MOST_DIFFERENT: usize = 16;

impl Compiler<'_> {
    /// How long after its registration a message is stuck for this rule, in whole seconds. It is told again every
    /// `repeat` seconds.
    pub(super) fn after(
        &mut self,
        rule: &Node,
        kinds: &[EventKind],
        repeat: Option<u64>,
    ) -> Option<u64> {
        let is_about_stuck = kinds.contains(&EventKind::Stuck);
        let Some(entry) = rule.entry("after") else {
            // A rule for any event takes those that other rules ask for.
            if let Some(event) = rule.entry("event")
                && is_about_stuck
                && kinds.len() < KINDS.len()
            {
                let message = "a rule about `stuck` events needs `after`";
                self.error(spot(event), message).hint = Some(
                    "add how long a message may have no final status, such as `after: 2m`"
                        .to_owned(),
                );
            }
            return None;
        };
        let after = self.span(entry)?.duration();
        if !is_about_stuck {
            let message = "`after` is for rules about `stuck` events";
            self.error(entry.key.place, message).hint =
                Some("add `event: stuck`, or remove it".to_owned());
            return None;
        }
        if after.is_zero() {
            let message = "`after` must be at least `1s`";
            self.error(spot(entry), message);
            return None;
        }
        if self
            .options
            .give_up_after
            .is_some_and(|given_up| after >= given_up)
        {
            let problem = self.warning(spot(entry), "this never happens");
            problem.label = Some("`watch.give_up_after` ends the watch before that".to_owned());
            problem.hint = Some("let it be shorter, or write `event: gave_up`".to_owned());
        }
        // Registrations are kept in whole seconds.
        let after = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.stuck_after.insert((after, repeat));
        if self.stuck_after.len() > MOST_DIFFERENT {
            let message = format!(
                "there are more than {MOST_DIFFERENT} different values of `after` and `repeat`"
            );
            self.error(spot(entry), message).hint = Some("let some rules have the same".to_owned());
            return None;
        }
        Some(after)
    }
}
