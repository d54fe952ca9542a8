//! Shows what rules would notify of events, without a store and without sending anything.

use smswatch_model::{Event, Notification, Timestamp};

use crate::notification::{of_match, worded};
use crate::rules::{Rules, Told};

/// A notification that would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The sink that would be notified.
    pub sink: String,
    /// What it would be sent.
    pub notification: Notification,
}

/// The notifications that `rules` would make of `events`, which are seen together at `now`; `told` says
/// who was notified of the events that these refine.
#[must_use]
pub fn notifications(
    rules: &dyn Rules,
    events: &[Event],
    told: &Told,
    now: Timestamp,
) -> Vec<Preview> {
    let matches = rules.matches(events, told);
    let previews = matches.into_iter().map(|rule_match| {
        let notification = of_match(&rule_match, events, now);
        let words = rules.words(&notification, &rule_match.sink);
        Preview {
            sink: rule_match.sink,
            notification: worded(notification, words),
        }
    });
    previews.collect()
}
