//! One or more events of one rule, for one sink, rendered.

mod seen;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::id::derive;
use crate::{DeliveryId, Event, EventId, EventKind, NotificationId, Timestamp};

/// How much an alert matters.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It should be looked at.
    #[default]
    Warning,
    /// It must be looked at now.
    Critical,
}

impl Severity {
    /// The word that stands for this in rules and payloads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What one rule wants of a sink beyond the sink's own configuration, such as another channel.
pub type Overrides = Map<String, Value>;

/// Where a person can look further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What is found there.
    pub title: String,
    /// Where it is.
    pub url: String,
}

/// Something that most messages of a notification share, and most messages that went well do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Common {
    /// The key of `match` that names it, such as `operator` or `tags.team`.
    pub key: String,
    /// What they share.
    pub value: String,
    /// How many of the notification's messages have it.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// Of all messages that became final in the last hour, how many percent have it.
    pub percent_of_traffic: u64,
}

/// What a rate measured when its alert began to fire, or was resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Whether it fires.
    pub state: AlertState,
    /// What was measured, in the unit of the rule's bounds: a percentage, or how many were counted.
    pub value: f64,
    /// How many events the rule counts, in the window.
    pub count: u64,
    /// Among how many.
    pub total: u64,
    /// How long the window is, such as `15m`.
    pub window: String,
    /// The values that the measured events share.
    pub by: BTreeMap<String, String>,
    /// When it began to fire.
    pub started_at: Timestamp,
    /// When it was resolved; `None` while it fires.
    pub ended_at: Option<Timestamp>,
    /// How many events rules did not tell since then because it fires.
    #[serde(default)]
    pub held_back: u64,
    /// The share in percent that usually counts at this hour of the day, for a rule that compares with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<f64>,
    /// What the failures that were counted have in common. A notification has it in its own `common`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub common: Vec<Common>,
}

/// Whether an alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It began to fire.
    Firing,
    /// It ended.
    Resolved,
}

impl Alert {
    /// The share of what was counted, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        percent(self.count, self.total)
    }

    /// The figures in words: `17 of 42, 40.5 %`. A window without any event is told as one, not as 0 %.
    #[must_use]
    pub fn figures(&self) -> String {
        if self.total == 0 {
            return "nothing came any more".to_owned();
        }
        format!("{} of {}, {:.1} %", self.count, self.total, self.percent())
    }
}

/// The share of `count` in `total`, in percent; 0 of nothing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no window holds 2^52 events")]
pub fn percent(count: u64, total: u64) -> f64 {
    if total == 0 {
        0.0
    } else {
        count as f64 * 100.0 / total as f64
    }
}

/// One or more events of one rule, for one sink, rendered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The delivery's name, equal on every attempt: a receiver's key against repeats.
    pub delivery_id: DeliveryId,
    /// What kind of fact its events are.
    pub kind: EventKind,
    /// When it was made, by the store's clock.
    pub timestamp: Timestamp,
    /// What its rule wants of this sink in particular. Stored under the name that earlier versions gave it.
    #[serde(rename = "wishes")]
    pub overrides: Overrides,
    /// The notification's own name, equal for all its sinks.
    pub notification_id: NotificationId,
    /// Equal for all notifications of one alert or group, and for the end of what a rule told.
    pub key: String,
    /// The rule that fired.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, in one line.
    pub title: String,
    /// What happened, in a few lines.
    pub text: String,
    /// The values that its events share.
    pub group: BTreeMap<String, String>,
    /// How many more events there were than `events` shows.
    pub omitted: u64,
    /// What its messages have in common, what tells most first; only where several are told together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub common: Vec<Common>,
    /// The state of a measured alert.
    pub alert: Option<Alert>,
    /// Where a person can look further.
    pub links: Vec<Link>,
    /// The events.
    pub events: Vec<Event>,
    /// The sink that did not take it, if it goes to that sink's fallback. It is no part of the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The deliveries that it tells at once, if it is a digest: more notifications of one rule waited for one destination
    /// than the sink's `digest_above`. Else empty. Digests are made for an attempt, and never stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveryId>,
}

impl Notification {
    /// The version of the payload's shape.
    pub const SCHEMA: u32 = 1;

    /// Returns whether it tells that something is well again: an alert is resolved, or a sink works again.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        let alert = self.alert.as_ref();
        alert.is_some_and(|alert| alert.state == AlertState::Resolved)
            || matches!(
                self.kind,
                EventKind::AlertResolved | EventKind::SinkRecovered
            )
    }

    /// Returns whether more can be told under its [`key`](Self::key): it is about an alert, a group, a message that is
    /// stuck or a sink that is down, and not about events that are told once.
    #[must_use]
    pub fn has_lasting_key(&self) -> bool {
        let own = self.notification_id.as_str().strip_prefix("ntf_");
        let is_own = own.is_some_and(|own| self.key.strip_prefix("key_") == Some(own));
        !is_own || (self.kind == EventKind::Stuck && self.deliveries.is_empty())
    }

    /// The `data` of the payload, which is also what templates see.
    #[must_use]
    pub fn data(&self) -> impl Serialize + '_ {
        Data {
            schema: Self::SCHEMA,
            notification: self,
        }
    }

    /// The whole payload: `type`, `timestamp` and `data`.
    #[must_use]
    pub fn payload(&self) -> impl Serialize + '_ {
        Payload {
            kind: self.kind,
            timestamp: self.timestamp,
            data: self.data(),
        }
    }
}

#[derive(Serialize)]
struct Payload<D> {
    #[serde(rename = "type")]
    kind: EventKind,
    timestamp: Timestamp,
    data: D,
}

struct Data<'a> {
    schema: u32,
    notification: &'a Notification,
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let notification = self.notification;
        let is_digest = !notification.deliveries.is_empty();
        let mut data = serializer.serialize_struct("Data", 13 + usize::from(is_digest))?;
        data.serialize_field("schema", &self.schema)?;
        data.serialize_field("notification_id", &notification.notification_id)?;
        data.serialize_field("key", &notification.key)?;
        data.serialize_field("rule", &notification.rule)?;
        data.serialize_field("severity", &notification.severity)?;
        data.serialize_field("title", &notification.title)?;
        data.serialize_field("text", &notification.text)?;
        data.serialize_field("group", &notification.group)?;
        data.serialize_field("omitted", &notification.omitted)?;
        data.serialize_field("common", &notification.common)?;
        data.serialize_field("alert", &notification.alert)?;
        data.serialize_field("links", &notification.links)?;
        data.serialize_field("events", &notification.events)?;
        if is_digest {
            data.serialize_field("deliveries", &notification.deliveries)?;
        } else {
            data.skip_field("deliveries")?;
        }
        data.end()
    }
}

/// The name of a notification: its rule and its events.
#[must_use]
pub fn notification_id(rule: &str, events: &[&EventId]) -> NotificationId {
    let events = events.iter().map(|event| event.as_str().as_bytes());
    NotificationId::derived(std::iter::once(rule.as_bytes()).chain(events))
}

/// The name of a destination: a sink together with what a rule asks of it, such as another channel.
///
/// Without overrides it is the sink's name. The order in which keys are written does not matter; that
/// of the items of a list does.
#[must_use]
pub fn destination(sink: &str, overrides: &Overrides) -> String {
    if overrides.is_empty() {
        return sink.to_owned();
    }
    let overrides = in_order(&Value::Object(overrides.clone()));
    format!("{sink}\0{overrides}")
}

/// The same value with the keys of all its mappings in alphabetical order.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            let fields = fields.into_iter();
            let fields = fields.map(|(key, value)| (key.clone(), in_order(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(in_order).collect(),
        scalar => scalar.clone(),
    }
}

/// The name of a delivery: its [`destination`], its rule and its events.
#[must_use]
pub fn delivery_id(destination: &str, rule: &str, events: &[&EventId]) -> DeliveryId {
    let events = events.iter().map(|event| event.as_str().as_bytes());
    let inputs = [destination.as_bytes(), rule.as_bytes()];
    DeliveryId::derived(inputs.into_iter().chain(events))
}

/// The names of a digest of these deliveries, whatever their order: as a notification, and as what one attempt tells. The
/// same deliveries in the same company have the same names again.
#[must_use]
pub fn digest_ids(deliveries: &[&DeliveryId]) -> (NotificationId, DeliveryId) {
    let mut ids: Vec<&[u8]> = deliveries.iter().map(|id| id.as_str().as_bytes()).collect();
    ids.sort_unstable();
    let inputs = || std::iter::once(&b"digest"[..]).chain(ids.iter().copied());
    (
        NotificationId::derived(inputs()),
        DeliveryId::derived(inputs()),
    )
}

/// What is gathered into one notification after another: events of one kind that one rule tells together, and
/// the values that they share.
#[derive(Debug, Clone, Copy)]
pub struct GroupNames<'a> {
    /// The rule.
    pub rule: &'a str,
    /// What kind of fact its events are.
    pub kind: EventKind,
    /// The values that they share.
    pub values: &'a BTreeMap<String, String>,
}

impl GroupNames<'_> {
    fn inputs(&self) -> impl Iterator<Item = &[u8]> {
        let named = ["group", self.rule, self.kind.as_str()];
        let values = self.values.iter();
        let values = values.flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
        named.into_iter().map(str::as_bytes).chain(values)
    }

    /// What is equal for all notifications of the group, whatever their destination.
    #[must_use]
    pub fn key(&self) -> String {
        derive("key_", self.inputs())
    }

    /// The group's own name for one [`destination`].
    #[must_use]
    pub fn id(&self, destination: &str) -> String {
        derive("grp_", self.inputs().chain([destination.as_bytes()]))
    }

    /// The name of the group's notification of this generation, equal for all of its destinations.
    #[must_use]
    pub fn notification_id(&self, generation: u64) -> NotificationId {
        let generation = generation.to_be_bytes();
        NotificationId::derived(self.inputs().chain([&generation[..]]))
    }
}

/// The name of the delivery with which a group of this [name](GroupNames::id) tells one generation of events.
#[must_use]
pub fn group_delivery_id(group: &str, generation: u64) -> DeliveryId {
    DeliveryId::derived([group.as_bytes(), &generation.to_be_bytes()[..]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(json: &str) -> Overrides {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn a_destination_is_a_sink_together_with_what_is_asked_of_it() {
        let of = |json: &str| destination("slack", &overrides(json));
        assert_eq!(of("{}"), "slack");
        assert_ne!(of(r##"{"channel":"#a"}"##), of(r##"{"channel":"#b"}"##));
        assert_ne!(of(r##"{"channel":"#a"}"##), of("{}"));
        let told = r##"{"channel":"#a","to":{"x":1,"y":[{"p":1,"q":2}]}}"##;
        let again = r##"{"to":{"y":[{"q":2,"p":1}],"x":1},"channel":"#a"}"##;
        assert_eq!(of(told), of(again), "the order of keys does not matter");
        assert_ne!(of(r#"{"to":["a","b"]}"#), of(r#"{"to":["b","a"]}"#));
    }

    #[test]
    fn deliveries_to_two_destinations_of_one_sink_have_names_of_their_own() {
        let event = EventId::new("evt_1").expect("an id");
        let id = |json: &str| delivery_id(&destination("s", &overrides(json)), "r", &[&event]);
        assert_ne!(id(r#"{"channel":"a"}"#), id(r#"{"channel":"b"}"#));
        // The name that such a delivery had before destinations were told apart.
        assert_eq!(id("{}"), delivery_id("s", "r", &[&event]));
    }

    #[test]
    fn groups_are_told_apart_by_rule_kind_values_and_destination() {
        let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let (greek, other) = (values(&[("country", "GR")]), values(&[("countr", "yGR")]));
        let names = |rule, kind, values| GroupNames { rule, kind, values };
        let first = names("r", EventKind::StatusChanged, &greek);
        for different in [
            names("x", EventKind::StatusChanged, &greek),
            names("r", EventKind::GaveUp, &greek),
            names("r", EventKind::StatusChanged, &other),
        ] {
            assert_ne!(first.key(), different.key());
            assert_ne!(first.id("crm"), different.id("crm"));
        }
        assert_ne!(first.id("crm"), first.id("pager"));
        let id = first.id("crm");
        assert_ne!(group_delivery_id(&id, 1), group_delivery_id(&id, 2));
        assert_ne!(first.notification_id(1), first.notification_id(2));
    }
}
