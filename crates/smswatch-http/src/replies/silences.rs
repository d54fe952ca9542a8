//! Tells silences.

use serde_json::{Map, Value};
use smswatch_api::silences::{SilenceReply, SilenceSource, SilenceState};
use smswatch_core::HeldBackBy;

/// A silence, or a maintenance window.
pub(crate) fn silence(held_back_by: HeldBackBy) -> SilenceReply {
    match held_back_by {
        HeldBackBy::Silence(silence, is_active) => SilenceReply {
            id: silence.id,
            state: match is_active {
                true => SilenceState::Active,
                false => SilenceState::Ended,
            },
            source: SilenceSource::Api,
            matching: object(silence.matching),
            until: silence.until,
            comment: silence.comment,
            author: silence.author,
            created_at: silence.created_at,
            held_back: Some(silence.held_back),
            warnings: Vec::new(),
        },
        HeldBackBy::Window {
            id,
            matching,
            since,
            until,
        } => SilenceReply {
            id,
            state: SilenceState::Active,
            source: SilenceSource::Configuration,
            matching: object(matching),
            until,
            comment: String::new(),
            author: String::new(),
            created_at: since,
            held_back: None,
            warnings: Vec::new(),
        },
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
