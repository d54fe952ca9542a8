//! Tells rules, and groups that wait.

use smswatch_api::groups::GroupReply;
use smswatch_api::rules::RuleReply;
use smswatch_core::{Fired, WaitingGroup};

/// A rule, and how often it fired of late.
pub(crate) fn rule(name: String, fired: Fired) -> RuleReply {
    RuleReply {
        rule: name,
        fired_24h: fired.day,
        fired_7d: fired.week,
        last_fired_at: fired.latest,
    }
}

/// A group of events that is told when its time comes.
pub(crate) fn group(waiting: WaitingGroup) -> GroupReply {
    GroupReply {
        rule: waiting.rule,
        sink: waiting.sink,
        group: waiting.values,
        events: waiting.events,
        since: waiting.since,
        next_notification_at: waiting.due,
    }
}
