//! What a rule may ask of Slack beside the sink's name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// What a rule may ask of Slack beside the sink's name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackWishes {
    /// Another channel, by id or name; only for sinks with a `bot_token`. Default: the sink's own.
    /// Example: `"#sms-critical"`.
    #[serde(default)]
    pub channel: Option<String>,

    /// Who is mentioned: `@here`, `@channel`, `@everyone`, the id of a user or of a user group.
    /// Default: nobody. Example: `["@here", U024BE7LH]`.
    #[serde(default)]
    pub mention: Vec<Mention>,
}

/// Somebody whom Slack notifies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mention(String);

/// Slack would not know whom to notify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a mention is `@here`, `@channel`, `@everyone`, or the id of a user (`U…`, `W…`) or a user group (`S…`)"
)]
pub struct InvalidMention;

impl TryFrom<String> for Mention {
    type Error = InvalidMention;

    fn try_from(text: String) -> Result<Self, InvalidMention> {
        let markup = match text.as_str() {
            "@here" | "@channel" | "@everyone" => format!("<!{}>", &text[1..]),
            id if is_id(id) => match id.as_bytes()[0] {
                b'S' => format!("<!subteam^{id}>"),
                _ => format!("<@{id}>"),
            },
            _ => return Err(InvalidMention),
        };
        Ok(Self(markup))
    }
}

/// Whether `text` is the id of a user or of a user group.
fn is_id(text: &str) -> bool {
    text.len() >= 3
        && text.starts_with(['U', 'W', 'S'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

impl fmt::Display for Mention {
    /// Writes the mention as Slack's markup.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl JsonSchema for Mention {
    fn schema_name() -> Cow<'static, str> {
        "Mention".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(@here|@channel|@everyone|[UWS][A-Z0-9]{2,})$",
            "patternErrorMessage":
                "`@here`, `@channel`, `@everyone`, or the id of a user or a user group, such as `U012AB3CD`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let mention = Mention::try_from(text.to_owned()).ok();
        let markup = mention.map(|mention| mention.to_string());
        assert_eq!(markup.as_deref(), expected, "{text}");
    }

    #[test]
    fn mentions_become_markup_and_nothing_else_does() {
        check("@here", Some("<!here>"));
        check("@channel", Some("<!channel>"));
        check("@everyone", Some("<!everyone>"));
        check("U024BE7LH", Some("<@U024BE7LH>"));
        check("W024BE7LH", Some("<@W024BE7LH>"));
        check("S0614TZR7", Some("<!subteam^S0614TZR7>"));
        for text in ["", "U", "here", "@alice", "U024> <!channel", "C024BE7LH"] {
            check(text, None);
        }
    }
}
