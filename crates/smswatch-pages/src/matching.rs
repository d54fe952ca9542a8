//! What a silence matches, as people type it: `key: value` in each line.

use serde_json::{Map, Value};

/// Writes a `match` as lines of `key: value`.
#[must_use]
pub fn write(matching: &Map<String, Value>) -> String {
    let lines = matching.iter().map(|(key, value)| match value {
        Value::String(text) if !is_json(text) => format!("{key}: {text}"),
        value => format!("{key}: {value}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads such lines. A value that is JSON means that, such as a list in brackets; any other one is a text.
///
/// # Errors
///
/// A line has no colon, or names a key a second time; it is returned.
pub fn read(text: &str) -> Result<Map<String, Value>, String> {
    let mut matching = Map::new();
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once(':').ok_or(line)?;
        let (key, value) = (key.trim(), value.trim());
        let value = match is_json(value) {
            true => serde_json::from_str(value).unwrap_or_default(),
            false => Value::String(value.to_owned()),
        };
        if key.is_empty() || matching.insert(key.to_owned(), value).is_some() {
            return Err(line.to_owned());
        }
    }
    Ok(matching)
}

/// Whether a value means more than its text: numbers and words stay texts, as patterns are.
fn is_json(text: &str) -> bool {
    let means_more = text.starts_with(['[', '{', '"']) || matches!(text, "true" | "false" | "null");
    means_more && serde_json::from_str::<Value>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let matching = json!({
            "rule": "carrier-violation", "country": ["GR", "!CY"], "from": "\"MyShop\"", "label": "[a",
            "tags": {"team": "crm"}, "late": true, "operator": "17",
        });
        let matching = matching.as_object().expect("an object");
        let text = write(matching);
        assert_eq!(read(&text).as_ref(), Ok(matching), "{text}");
        assert!(text.contains("rule: carrier-violation\n"), "{text}");
    }

    #[test]
    fn a_line_that_means_nothing_is_told() {
        assert_eq!(read("country: GR\n\n oops ").expect_err("no colon"), "oops");
        assert_eq!(read("a: 1\na: 2").expect_err("twice"), "a: 2");
        assert_eq!(read(": 2").expect_err("no key"), ": 2");
        assert_eq!(read(" \n"), Ok(Map::new()));
    }
}
