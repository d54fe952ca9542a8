//! Which events a rule gathers into one notification: those that share the values of some keys.

use std::collections::BTreeMap;
use std::time::Duration;

use smswatch_model::{Event, MessageId};
use smswatch_plugin::rules::Gathering;

use crate::duration::plain_duration;
use crate::field::{Field, MATCH_KEYS, MatchKey, View};

/// How long the first notification of a group waits, unless the rule says so.
pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// How long lies between two notifications of a group, unless the rule says so.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How many events a notification shows, unless the rule says so.
pub(crate) const MAX: usize = 50;

/// How a rule groups.
#[derive(Debug)]
pub(crate) struct Grouping {
    pub(crate) by: Vec<GroupKey>,
    pub(crate) gathering: Gathering,
}

/// A key of events by whose values they are grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupKey {
    pub(crate) name: String,
    /// `None` for the message itself.
    field: Option<Field>,
}

/// The key of the message itself, which `match` does not have.
const MESSAGE: &str = "message";

impl GroupKey {
    /// The key of this name; `None` if events cannot be grouped by it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let field = match MatchKey::named(name) {
            Some(MatchKey::Text(field)) if is_shared(&field) => Some(field),
            None if name == MESSAGE => None,
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            field,
        })
    }

    /// The names of all keys, tags excepted.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        let keys = MATCH_KEYS.iter().filter_map(|(name, key)| match key {
            MatchKey::Text(field) if is_shared(field) => Some(*name),
            _ => None,
        });
        keys.chain([MESSAGE])
    }

    /// Its name, and the value that `event` has.
    pub(crate) fn of(&self, event: &Event) -> (String, String) {
        (self.name.clone(), self.value(event))
    }

    /// The value that `event` has; empty if it has none.
    fn value(&self, event: &Event) -> String {
        let value = match &self.field {
            Some(field) => View::of(event).text(field),
            None => event.message.message_id.as_ref().map(MessageId::as_str),
        };
        value.unwrap_or_default().to_owned()
    }
}

/// Whether a key has one value that several messages can share. A number is masked: two of them can look alike.
fn is_shared(field: &Field) -> bool {
    !matches!(
        field,
        Field::Groups | Field::Body | Field::Description | Field::To
    )
}

impl Grouping {
    /// The values that the group of `event` shares.
    pub(crate) fn group_of(&self, event: &Event) -> BTreeMap<String, String> {
        self.by.iter().map(|key| key.of(event)).collect()
    }

    /// What becomes of an event, for a person.
    pub(crate) fn words(&self, event: &Event) -> String {
        let values = self.by.iter().map(|key| match key.value(event) {
            value if value.is_empty() => format!("no {}", key.name),
            value => format!("{} {value}", key.name),
        });
        let values: Vec<String> = values.collect();
        let group = match values.as_slice() {
            [] => "the rule's other events".to_owned(),
            values => format!("others of {}", values.join(", ")),
        };
        let wait = plain_duration(self.gathering.wait);
        format!("together with {group}, {wait} after the first of them")
    }
}
