//! Walks a configuration along its schema, so that what holds for every secret, list or section holds
//! for those of custom sinks and nested ones, too.

use serde_json::Value;

use super::problem::{escaped, unescaped};

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
        let key = unescaped(segment);
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

/// How secrets stand behind one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretForm {
    /// One secret.
    One,
    /// A list of secrets.
    List,
    /// A mapping whose values are secrets.
    Mapping,
}

/// How secrets stand in a value that `schemas` describe; `None` if there are none in it, or only deeper.
pub(super) fn secret_form(whole: &Value, schemas: &[&Value]) -> Option<SecretForm> {
    let values = schemas.iter().map(|schema| &schema["additionalProperties"]);
    let is_secret_value = |value: &Value| is_secret(&described(whole, value));
    if is_secret(schemas) {
        Some(SecretForm::One)
    } else if is_secret(&item(whole, schemas)) {
        Some(SecretForm::List)
    } else if values.into_iter().any(is_secret_value) {
        Some(SecretForm::Mapping)
    } else {
        None
    }
}

/// The keys behind which secrets stand in a mapping that `schemas` describe.
pub(super) fn secrets(
    whole: &Value,
    schemas: &[&Value],
    object: &Value,
) -> Vec<(String, SecretForm)> {
    let mut found: Vec<(String, SecretForm)> = Vec::new();
    for schema in applicable(whole, schemas, Some(object)) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (name, property) in properties {
            if let Some(form) = secret_form(whole, &described(whole, property))
                && found.iter().all(|(known, _)| known != name)
            {
                found.push((name.clone(), form));
            }
        }
    }
    found
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
pub(super) fn described<'a>(whole: &'a Value, schema: &'a Value) -> Schemas<'a> {
    let mut found = Vec::new();
    extend(whole, schema, &mut found);
    found
}

/// What a schema refers to, where it does nothing else.
pub(super) fn follow<'a>(whole: &'a Value, here: &'a Value) -> &'a Value {
    let reference = here["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'));
    reference
        .and_then(|pointer| whole.pointer(pointer))
        .unwrap_or(here)
}

fn extend<'a>(whole: &'a Value, schema: &'a Value, found: &mut Schemas<'a>) {
    let schema = follow(whole, schema);
    found.push(schema);
    for keyword in ["anyOf", "oneOf"] {
        for alternative in schema[keyword].as_array().into_iter().flatten() {
            extend(whole, alternative, found);
        }
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    for part in parts.filter(|part| part["if"].is_null()) {
        extend(whole, part, found);
    }
}

/// `schemas`, with what depends on the type that `object` names.
fn applicable<'a>(whole: &'a Value, schemas: &[&'a Value], object: Option<&Value>) -> Schemas<'a> {
    let mut found = schemas.to_vec();
    for schema in schemas {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let wanted = &part["if"]["properties"]["type"]["const"];
            if !wanted.is_null() && object.is_none_or(|object| object["type"] == *wanted) {
                extend(whole, &part["then"], &mut found);
            }
        }
    }
    found
}
