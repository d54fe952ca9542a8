//! What a scalar means: the core schema of YAML 1.2, where `yes` and `on` are plain text.

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

/// The value that an unquoted scalar stands for.
pub(super) fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Bool(true),
        "false" | "False" | "FALSE" => Content::Bool(false),
        text => match number(text) {
            Some(number) => Content::Number(number),
            None => Content::Text(text.to_owned()),
        },
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return from_radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return from_radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = unsigned.bytes().any(|byte| byte.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if !is_number {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let integer = text.parse::<i64>().map(Number::from);
    let integer = integer
        .or_else(|_| text.parse::<u64>().map(Number::from))
        .ok();
    integer.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}

fn from_radix(digits: &str, radix: u32) -> Option<Number> {
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let number = is_number
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten();
    number.map(Number::from)
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
    fn scalars_mean_what_yaml_1_2_says() {
        use serde_json::json;
        for text in ["", "~", "null"] {
            check(text, &json!(null));
        }
        check("true", &json!(true));
        check("FALSE", &json!(false));
        check("12", &json!(12));
        check("+12", &json!(12));
        check("-12", &json!(-12));
        check("007", &json!(7));
        check("0x1F", &json!(31));
        check("0o17", &json!(15));
        check("1.5", &json!(1.5));
        check(".5", &json!(0.5));
        check("1e3", &json!(1000.0));
        check("18446744073709551615", &json!(u64::MAX));
        for text in [
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
        ] {
            check(text, &json!(text));
        }
    }
}
