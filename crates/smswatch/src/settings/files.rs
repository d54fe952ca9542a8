//! Reads secrets from the files that `…_file` keys name.

use serde_json::{Map, Value};

use super::load::escaped;
use super::schema;
use super::validate::Problem;

/// The largest secret there can be, in bytes: whoever names a wrong file hears of it.
const MOST_BYTES: u64 = 64 * 1024;

/// Replaces every `…_file` key of a secret by the secret itself.
pub(super) fn resolve(whole: &Value, value: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    for section in ["routee", "store", "http", "heartbeat"] {
        let secrets = schema::secrets(schema::at(whole, section));
        if let Some(object) = value.get_mut(section).and_then(Value::as_object_mut) {
            resolve_in(object, &secrets, &format!("/{section}"), &mut problems);
        }
    }
    let sinks = value.get_mut("sinks").and_then(Value::as_object_mut);
    for (name, sink) in sinks.into_iter().flatten() {
        let Some(object) = sink.as_object_mut() else {
            continue;
        };
        let Some(kind) = object.get("type").and_then(Value::as_str) else {
            continue;
        };
        let secrets = schema::sink(whole, kind)
            .map(schema::secrets)
            .unwrap_or_default();
        resolve_in(
            object,
            &secrets,
            &format!("/sinks/{}", escaped(name)),
            &mut problems,
        );
    }
    problems
}

fn resolve_in(
    object: &mut Map<String, Value>,
    secrets: &[String],
    pointer: &str,
    problems: &mut Vec<Problem>,
) {
    for secret in secrets {
        let key = format!("{secret}_file");
        let Some(file) = object.remove(&key) else {
            continue;
        };
        let place = format!("{pointer}/{key}");
        if object.contains_key(secret) {
            let message = format!("`{secret}` and `{key}` are both there");
            problems.push(Problem::new(place, message).hint("keep one of them"));
            continue;
        }
        let Some(file) = file.as_str() else {
            problems.push(Problem::new(place, "expected the name of a file"));
            continue;
        };
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                problems.push(Problem::new(
                    place,
                    format!("could not read the file: {error}"),
                ));
                // Present all the same, so that it is not told to be missing as well.
                "unreadable".to_owned()
            }
        };
        object.insert(secret.clone(), Value::String(text));
    }
}

fn read(file: &str) -> std::io::Result<String> {
    if std::fs::metadata(file)?.len() > MOST_BYTES {
        return Err(std::io::Error::other("it is too large to hold a secret"));
    }
    let text = std::fs::read_to_string(file)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(std::io::Error::other("it is empty"));
    }
    Ok(secret.to_owned())
}
