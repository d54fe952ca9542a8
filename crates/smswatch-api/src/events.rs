//! Events: which a list shows, and how a reader of any version sees one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::list::list_query;
use crate::schema;

list_query! {
    /// Which events a list shows. Empty parameters count as missing.
    EventsQuery {
        /// Those of this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "schema::message_id")]
        message_id: Option<String>,
        /// Those of this type, in the word of payloads or that of rules; `any` means all.
        #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    }
}

/// Which events a stream tells. Empty parameters count as missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamQuery {
    /// Those of this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::message_id")]
    pub message_id: Option<String>,
    /// Those of this type, in the word of payloads or that of rules; `any` means all.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Goes on behind the event with this `id:`; the header `Last-Event-ID` outdoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::cursor")]
    pub cursor: Option<String>,
}

/// What a reader shows of an event, whichever version wrote it.
///
/// The server sends [`smswatch_model::Event`], in the shape that sinks and stores know too. That type
/// refuses words that it does not know, as a rule must; a reader is better served by what
/// can be read. So everything here is text, and may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct EventView {
    /// The event's name.
    pub event_id: String,
    /// What kind of fact it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Counts the message's changes, starting at 1.
    pub sequence: u64,
    /// When it happened.
    pub time: String,
    /// Whether the status left a final one.
    pub regression: bool,
    /// Whether only a detail was added to a status that had none.
    pub refined: bool,
    /// What was known before.
    pub previous: Option<StatusView>,
    /// What is known now.
    pub current: Option<StatusView>,
    /// The part that it is about.
    pub part: PartView,
    /// The message that it is about.
    pub message: MessageView,
    /// What it is about, where that is smswatch itself.
    pub about: Option<AboutView>,
}

/// A status that an event tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StatusView {
    /// The status.
    pub status: String,
    /// The finer status.
    pub detailed_status: Option<String>,
}

/// The part that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PartView {
    /// Its place among the message's parts, from 1.
    pub number: Option<u64>,
}

/// The message that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MessageView {
    /// Who carries it.
    pub provider: String,
    /// The message; `None` for events that are about smswatch itself.
    pub message_id: Option<String>,
    /// How many parts it has; `None` if none is known.
    pub part_count: Option<u64>,
    /// The sender.
    pub from: Option<String>,
    /// The recipient, masked unless the configuration says otherwise.
    pub to: Option<String>,
    /// The recipient's country.
    pub country: Option<String>,
    /// The recipient's mobile operator.
    pub operator: Option<String>,
}

/// What an event about smswatch itself is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AboutView {
    /// The sink's name, or the provider's.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn an_event_of_another_version_is_read_as_far_as_it_can_be() {
        let event = json!({
            "event_id": "evt_1", "type": "sms.of_next_year", "sequence": 3, "source": "by pigeon",
            "time": "2026-05-01T10:28:49Z", "fault": "nobody", "tomorrow": {"more": []},
            "current": {"status": "Undelivered", "since": 7},
            "message": {"message_id": "m1", "outcome": "mixed", "to": null},
        });
        let view: EventView = from_value(event).expect("it is read");
        assert_eq!((view.kind.as_str(), view.sequence), ("sms.of_next_year", 3));
        let status = view.current.map(|current| current.status);
        assert_eq!(status.as_deref(), Some("Undelivered"));
        assert_eq!(view.message.message_id.as_deref(), Some("m1"));
        assert_eq!((view.message.to, view.previous), (None, None));
        let bare: EventView =
            from_value(Value::Object(serde_json::Map::new())).expect("it is read");
        assert_eq!(bare, EventView::default());
    }

    #[test]
    fn what_is_not_asked_is_not_sent() {
        let query = EventsQuery {
            kind: Some("gave_up".to_owned()),
            ..EventsQuery::default()
        };
        let sent = serde_json::to_value(query).expect("a query is JSON");
        assert_eq!(sent, json!({"type": "gave_up"}));
    }
}
