//! What of a notification a sink may see.

use std::collections::{BTreeMap, BTreeSet};

use super::{Alert, Common, Notification};

/// What stands before the name of a tag where other keys stand, too.
const TAG: &str = "tags.";

impl Notification {
    /// Leaves out all tags except those that are `allowed`: those of its messages, among the values that its events
    /// share, and in what its messages have in common. Its title and its text stay: whoever puts it into words does
    /// so with what is left.
    pub fn retain_tags(&mut self, allowed: &BTreeSet<String>) {
        retain_values(&mut self.group, allowed);
        retain_common(&mut self.common, allowed);
        retain_of_alert(self.alert.as_mut(), allowed);
        for event in &mut self.events {
            event.message.tags.retain(|name, _| allowed.contains(name));
            retain_of_alert(event.alert.as_mut(), allowed);
        }
    }
}

fn retain_of_alert(alert: Option<&mut Alert>, allowed: &BTreeSet<String>) {
    if let Some(alert) = alert {
        retain_values(&mut alert.by, allowed);
        retain_common(&mut alert.common, allowed);
    }
}

fn retain_values(values: &mut BTreeMap<String, String>, allowed: &BTreeSet<String>) {
    values.retain(|key, _| is_allowed(key, allowed));
}

fn retain_common(common: &mut Vec<Common>, allowed: &BTreeSet<String>) {
    common.retain(|common| is_allowed(&common.key, allowed));
}

fn is_allowed(key: &str, allowed: &BTreeSet<String>) -> bool {
    key.strip_prefix(TAG)
        .is_none_or(|tag| allowed.contains(tag))
}
