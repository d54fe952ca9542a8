//! What a scalar means: what serde_yaml says, to which `yes`, `on` and `007` are plain text.

use std::fmt;

use serde_json::Number;

use super::Content;

/// A scalar as the file has it, beside what it means.
#[derive(Clone)]
pub(super) struct Scalar {
    written: String,
    is_plain: bool,
    /// The text with the environment put in, where that was done.
    inserted: Option<String>,
}

impl Scalar {
    pub(super) fn new(written: String, is_plain: bool) -> Self {
        Self {
            written,
            is_plain,
            inserted: None,
        }
    }

    pub(super) fn written(&self) -> &str {
        &self.written
    }

    pub(super) fn is_from_environment(&self) -> bool {
        self.inserted.is_some()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The text with the environment put in, where that was done.
    pub(super) fn inserted(&self) -> Option<&str> {
        self.inserted.as_deref()
    }

    pub(super) fn insert(&mut self, text: String) {
        self.inserted = Some(text);
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Scalar")
            .field("is_plain", &self.is_plain)
            .finish_non_exhaustive()
    }
}

/// The value that serde_yaml gives a scalar; `None` for a list or a mapping. What no JSON can hold, such
/// as `.inf`, stays the text that it is written as.
pub(super) fn content(value: serde_yaml::Value, written: &Content) -> Option<Content> {
    use serde_yaml::Value;
    Some(match value {
        Value::Null => Content::Null,
        Value::Bool(value) => Content::Bool(value),
        Value::Number(number) => {
            number_of(&number).map_or_else(|| written.clone(), Content::Number)
        }
        Value::String(text) => Content::Text(text),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => return None,
    })
}

fn number_of(number: &serde_yaml::Number) -> Option<Number> {
    let integer = number.as_u64().map(Number::from);
    let integer = integer.or_else(|| number.as_i64().map(Number::from));
    integer.or_else(|| number.as_f64().and_then(Number::from_f64))
}

/// The value that serde_yaml gives an unquoted scalar by itself, which is the text itself where it means
/// nothing else.
pub(super) fn plain(text: &str) -> Content {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Content::Null;
    }
    let written = || Content::Text(text.to_owned());
    // Anything else has a meaning of its own in YAML, as `#` has, and none in a scalar.
    let is_word = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_word {
        return written();
    }
    match serde_yaml::from_str(text) {
        Ok(value @ (serde_yaml::Value::Bool(_) | serde_yaml::Value::Number(_))) => {
            content(value, &written()).unwrap_or_else(written)
        }
        _ => written(),
    }
}

/// `text` in quotes, for a hint.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &serde_json::Value) {
        let content = match plain(text) {
            Content::Null => serde_json::Value::Null,
            Content::Bool(value) => value.into(),
            Content::Number(number) => number.into(),
            Content::Text(text) => text.into(),
            other => panic!("{other:?} is no scalar"),
        };
        assert_eq!(content, *expected, "{text}");
    }

    #[test]
    fn scalars_mean_what_serde_yaml_says() {
        use serde_json::json;
        for text in ["", "~", "null"] {
            check(text, &json!(null));
        }
        check("true", &json!(true));
        check("FALSE", &json!(false));
        check("12", &json!(12));
        check("+12", &json!(12));
        check("-12", &json!(-12));
        check("0x1F", &json!(31));
        check("0o17", &json!(15));
        check("0b101", &json!(5));
        check("1.5", &json!(1.5));
        check(".5", &json!(0.5));
        check("1e3", &json!(1000.0));
        check("18446744073709551615", &json!(u64::MAX));
        for text in [
            "007",
            "yes",
            "on",
            "No",
            "NO",
            "1.2.3",
            "30s",
            "8%",
            "1-2",
            "+",
            "-",
            ".",
            "0x",
            "0xg",
            ".inf",
            ".nan",
            "1_000",
            "127.0.0.1",
            "e5",
            "--5",
            "12e",
            "---",
            "a: b",
            "# x",
            "18446744073709551616",
        ] {
            check(text, &json!(text));
        }
    }
}
