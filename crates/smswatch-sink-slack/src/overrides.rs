//! What a rule may ask of Slack beside the sink's name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use smswatch_plugin::sink::InvalidConfig;

use crate::channel;

/// How much room a message has for mentions, in characters: Slack's limit for a section.
const MENTIONS: usize = 3000;

/// What a rule may ask of Slack beside the sink's name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackOverrides {
    /// Another channel, by id or name; only for sinks with a `bot_token`. Default: the sink's own.
    /// Example: `"#sms-critical"`.
    #[serde(default)]
    pub channel: Option<String>,

    /// Who is mentioned: `@here`, `@channel`, `@everyone`, the id of a user or of a user group.
    /// Default: no one. Example: `["@here", U024BE7LH]`.
    #[serde(default)]
    pub mention: Vec<Mention>,
}

impl SlackOverrides {
    /// Checks what a rule asks as strictly as the sink's own options; `is_bot` tells whether the sink
    /// can choose a channel.
    ///
    /// # Errors
    ///
    /// There is no such channel, or there are more mentions than a message has room for.
    pub(crate) fn check(&self, is_bot: bool) -> Result<(), InvalidConfig> {
        if let Some(channel) = &self.channel {
            if !is_bot {
                let what = "an incoming webhook posts to its own channel; another one needs a sink with a `bot_token`";
                return Err(InvalidConfig::at("channel", what));
            }
            let missing = r##"expected a channel's id or name, such as "#sms-alerts""##;
            channel::check(channel, missing)?;
        }
        let mentions = self.mention.iter().map(|mention| mention.0.len() + 1);
        if mentions.sum::<usize>() > MENTIONS {
            let what = format_args!(
                "{} mentions do not fit into one message; mention a user group instead",
                self.mention.len()
            )
            .to_string();
            return Err(InvalidConfig::at("mention", what));
        }
        Ok(())
    }
}

/// A user, a group or a whole channel that Slack notifies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mention(String);

/// Slack would not know whom to notify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{EXPECTED}")]
pub struct InvalidMention;

/// What a mention can be. Slack knows users by their ids alone.
const EXPECTED: &str = "expected `@here`, `@channel`, `@everyone`, or the id of a user or user group, such as U012AB3CD (Slack does not find people by name)";

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
            "patternErrorMessage": EXPECTED,
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
    fn a_channel_needs_a_bot_and_a_name_and_mentions_need_room() {
        let overrides = |channel: Option<&str>, mentions: usize| SlackOverrides {
            channel: channel.map(str::to_owned),
            mention: vec![Mention("<@U024BE7LH>".to_owned()); mentions],
        };
        for (overrides, is_bot, key) in [
            (overrides(None, 0), false, None),
            (overrides(Some("#a"), 200), true, None),
            (overrides(None, 230), false, None),
            (overrides(Some(""), 0), true, Some("channel")),
            (overrides(Some("  "), 0), true, Some("channel")),
            (overrides(Some("#a"), 0), false, Some("channel")),
            (overrides(None, 300), true, Some("mention")),
        ] {
            let error = overrides.check(is_bot).err();
            let told = error.as_ref().map(|error| error.key().unwrap_or_default());
            assert_eq!(told, key, "{overrides:?}");
        }
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
