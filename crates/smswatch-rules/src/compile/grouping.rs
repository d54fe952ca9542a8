//! Compiles `group` and `once_per`: which events are told together, and which messages once.

use std::time::Duration;

use smswatch_plugin::rules::{Gathering, Throttle};

use super::expect::{is_empty, spot};
use super::{Compiler, shown};
use crate::grouping::{GroupKey, Grouping, INTERVAL, MAX, WAIT};
use crate::yaml::{Content, Entry, Node};
use smswatch_template::did_you_mean;

/// The keys of `group`.
const KEYS: [&str; 4] = ["by", "wait", "interval", "max"];

/// What `once_per` can be about.
const MESSAGE: &str = "message";

/// Up to how many events a notification of a group can be asked to show.
const MOST: usize = 1000;

/// The shortest and the longest that a notification of a group can be made to wait.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What would be right.
const EXAMPLE: &str = "such as `group: {by: [country, operator], wait: 30s}`";

impl Compiler<'_> {
    /// Whether the rule tells of each message once, as this key wants it.
    pub(super) fn once_per(&mut self, entry: &Entry) -> bool {
        let Some(word) = self.text(entry) else {
            return false;
        };
        if word == MESSAGE {
            return true;
        }
        let message = format!("unknown `once_per` `{}`", shown(&entry.value));
        let problem = self.error(spot(entry), message);
        problem.label = Some("expected `message`".to_owned());
        false
    }

    /// How the rule groups; its `throttle` then limits the notifications of groups.
    pub(super) fn grouping(
        &mut self,
        group: &Entry,
        throttle: Option<Throttle>,
    ) -> Option<Grouping> {
        self.mapping(group, &KEYS, EXAMPLE)?;
        let by = group.value.entry("by").map(|entry| self.group_keys(entry));
        let gathering = Gathering {
            wait: self.wait(&group.value, "wait", Duration::ZERO, WAIT),
            interval: self.wait(&group.value, "interval", SHORTEST, INTERVAL),
            max: self.most(&group.value),
            throttle,
        };
        Some(Grouping {
            by: by.unwrap_or_default(),
            gathering,
        })
    }

    pub(super) fn group_keys(&mut self, entry: &Entry) -> Vec<GroupKey> {
        let mut keys: Vec<GroupKey> = Vec::new();
        for (node, place) in self.one_or_several(entry) {
            let Some(name) = self.text_of(node, place).map(str::to_owned) else {
                continue;
            };
            match GroupKey::named(&name) {
                Some(key) if keys.contains(&key) => {}
                Some(key) => keys.push(key),
                None => {
                    let known: Vec<&str> = GroupKey::names().collect();
                    let hint = match did_you_mean(&name, known.iter().copied()) {
                        _ if name == "tags" || name == "tag" => "write `tags.NAME`".to_owned(),
                        Some(word) if word != name => format!("did you mean `{word}`?"),
                        _ => format!("expected one of: {}, tags.NAME", known.join(", ")),
                    };
                    let message = format!("events cannot be grouped by `{}`", shown(node));
                    self.error(place, message).hint = Some(hint);
                }
            }
        }
        keys
    }

    /// The length of time under `key`, which is at least `shortest`; `usual` if there is none.
    fn wait(&mut self, group: &Node, key: &str, shortest: Duration, usual: Duration) -> Duration {
        let Some(entry) = group.entry(key) else {
            return usual;
        };
        let Some(span) = self.span(entry) else {
            return usual;
        };
        let span = span.duration();
        if span < shortest || span > LONGEST {
            let least = if shortest.is_zero() { "0s" } else { "1s" };
            let message = format!("`{key}` is from {least} to 7d");
            self.error(spot(entry), message);
        }
        span
    }

    fn most(&mut self, group: &Node) -> usize {
        let Some(entry) = group.entry("max") else {
            return MAX;
        };
        if is_empty(&entry.value) {
            self.no_value(entry);
            return MAX;
        }
        let number = match entry.value.content() {
            Content::Number(number) => number.as_u64(),
            _ => None,
        };
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(most @ 1..=MOST) => most,
            _ => {
                let message = format!("`max` is a whole number from 1 to {MOST}");
                self.error(spot(entry), message);
                MAX
            }
        }
    }
}
