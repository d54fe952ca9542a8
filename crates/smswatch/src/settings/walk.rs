//! Walks a configuration along its schema, so that what holds for every secret, list or section holds
//! for those of custom sinks and nested ones, too.

use serde_json::Value;

use super::load::escaped;
use super::schema::follow;

/// The schemas that may describe one value: its own, and the alternatives in it.
pub(super) type Schemas<'a> = Vec<&'a Value>;

/// The schemas of the configuration as a whole.
pub(super) fn root(whole: &Value) -> Schemas<'_> {
    vec![whole]
}

/// The schemas of the value of `key` in `object`, a mapping that `schemas` describe. Without an object
/// a sink may be of any type.
pub(super) fn property<'a>(
    whole: &'a Value,
    schemas: &[&'a Value],
    object: Option<&Value>,
    key: &str,
) -> Schemas<'a> {
    let mut found = Vec::new();
    for schema in applicable(whole, schemas, object) {
        let own = &schema["properties"][key];
        let schema = if own.is_null() {
            &schema["additionalProperties"]
        } else {
            own
        };
        if schema.is_object() {
            extend(whole, schema, &mut found);
        }
    }
    found
}

/// The schemas of the entries of a list that `schemas` describe.
pub(super) fn item<'a>(whole: &'a Value, schemas: &[&'a Value]) -> Schemas<'a> {
    let mut found = Vec::new();
    for schema in schemas.iter().filter(|schema| schema["items"].is_object()) {
        extend(whole, &schema["items"], &mut found);
    }
    found
}

/// The schemas of the value at a JSON pointer, whatever the types of sinks are.
pub(super) fn at<'a>(whole: &'a Value, pointer: &str) -> Schemas<'a> {
    let segments = pointer.split('/').skip(1);
    segments.fold(root(whole), |schemas, segment| {
        let key = segment.replace("~1", "/").replace("~0", "~");
        let found = property(whole, &schemas, None, &key);
        if found.is_empty() && key.parse::<usize>().is_ok() {
            item(whole, &schemas)
        } else {
            found
        }
    })
}

/// Whether one of `schemas` takes values of a kind such as `string`.
pub(super) fn takes(schemas: &[&Value], kind: &str) -> bool {
    schemas.iter().any(|schema| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    })
}

/// Whether one of `schemas` is that of a secret.
pub(super) fn is_secret(schemas: &[&Value]) -> bool {
    schemas.iter().any(|schema| schema["format"] == "password")
}

/// The names of the secrets in a mapping that `schemas` describe.
pub(super) fn secrets(whole: &Value, schemas: &[&Value], object: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for schema in applicable(whole, schemas, Some(object)) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (name, property) in properties {
            let mut found = Vec::new();
            extend(whole, property, &mut found);
            if is_secret(&found) && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// Calls `visit` for every value, the outer ones first, with its pointer and schemas. What `visit`
/// makes of a value is walked through, too.
pub(super) fn visit(
    whole: &Value,
    value: &mut Value,
    visit: &mut dyn FnMut(&mut Value, &str, &[&Value]),
) {
    walk(whole, &root(whole), value, &mut String::new(), visit);
}

fn walk(
    whole: &Value,
    schemas: &[&Value],
    value: &mut Value,
    pointer: &mut String,
    visit: &mut dyn FnMut(&mut Value, &str, &[&Value]),
) {
    visit(value, pointer, schemas);
    let length = pointer.len();
    match value {
        Value::Object(object) => {
            // The type of a sink, which chooses its schema, is looked up in the mapping as it is now.
            let shape = Value::Object(
                object
                    .iter()
                    .filter(|(name, value)| *name == "type" && value.is_string())
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            );
            for (name, value) in object {
                let schemas = property(whole, schemas, Some(&shape), name);
                pointer.push('/');
                pointer.push_str(&escaped(name));
                walk(whole, &schemas, value, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            let schemas = item(whole, schemas);
            for (position, value) in items.iter_mut().enumerate() {
                pointer.push('/');
                pointer.push_str(&position.to_string());
                walk(whole, &schemas, value, pointer, visit);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// A schema and the alternatives in it, without references.
fn extend<'a>(whole: &'a Value, schema: &'a Value, found: &mut Schemas<'a>) {
    let schema = follow(whole, schema);
    found.push(schema);
    for keyword in ["anyOf", "oneOf"] {
        for alternative in schema[keyword].as_array().into_iter().flatten() {
            extend(whole, alternative, found);
        }
    }
}

/// `schemas`, with what `allOf` adds to them for the type that `object` names.
fn applicable<'a>(whole: &'a Value, schemas: &[&'a Value], object: Option<&Value>) -> Schemas<'a> {
    let mut found = schemas.to_vec();
    for schema in schemas {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let wanted = &part["if"]["properties"]["type"]["const"];
            if wanted.is_null() || object.is_none_or(|object| object["type"] == *wanted) {
                let then = if wanted.is_null() {
                    part
                } else {
                    &part["then"]
                };
                extend(whole, then, &mut found);
            }
        }
    }
    found
}
