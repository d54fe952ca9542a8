//! Schemas of what is written as text and has a form of its own.

use schemars::{Schema, SchemaGenerator, json_schema};

/// The page of a list.
pub(crate) fn cursor(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// How many items a page has.
pub(crate) fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 })
}

/// The id of a message in a query, where an empty one counts as missing.
pub(crate) fn message_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 200, "pattern": "^[!-~]*$" })
}

/// A beginning.
pub(crate) fn since(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "examples": ["2h", "2026-05-01T10:00:00Z"] })
}

/// An end.
pub(crate) fn until(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "examples": ["2h", "2026-05-01T18:00:00Z"] })
}

/// The labels of a watch, within their bounds.
pub(crate) fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "propertyNames": { "minLength": 1, "maxLength": 200 },
        "additionalProperties": { "type": "string", "maxLength": 200 },
    })
}

/// How far back figures go.
pub(crate) fn window(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^([0-9]+(ms|s|m|h|d))?$",
        "default": "24h",
        "examples": ["1h", "7d"],
    })
}
