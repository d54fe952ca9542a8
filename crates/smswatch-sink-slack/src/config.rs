//! What an operator writes for Slack, and what of it makes no sense.

use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_plugin::Secret;
use smswatch_plugin::sink::InvalidConfig;
use url::Url;

use crate::channel;

/// Where Slack's methods are.
const API_URL: &str = "https://slack.com/api";

/// What a bot without a channel is told: YAML may have taken the name for a comment.
const NO_CHANNEL: &str = r##"a bot needs the channel in which it writes, such as "#sms-alerts"; an unquoted # begins a comment"##;

/// Slack: notifications as messages, through an incoming webhook or as a bot.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// The URL of an incoming webhook, which posts to one channel; instead of `bot_token`. Example:
    /// `https://hooks.slack.com/services/T000/B000/XXXX`.
    #[serde(default)]
    pub webhook_url: Option<Secret>,

    /// The token of a bot that may `chat:write`; instead of `webhook_url`. Example: `xoxb-…`.
    #[serde(default)]
    pub bot_token: Option<Secret>,

    /// The channel in which the bot writes, by id or name; with `bot_token` only, and then required.
    /// Example: `"#sms-alerts"`.
    #[serde(default)]
    pub channel: Option<String>,

    /// Where Slack's methods are, for a proxy. Default: `https://slack.com/api`.
    #[serde(default = "default_api_url")]
    pub api_url: String,
}

fn default_api_url() -> String {
    API_URL.to_owned()
}

/// How messages get to Slack.
pub(crate) enum Door {
    /// Through an incoming webhook.
    Webhook(Url),
    /// As a bot.
    Bot {
        token: Secret,
        channel: String,
        api_url: Url,
    },
}

impl SlackConfig {
    /// The one way that is configured.
    pub(crate) fn door(self) -> Result<Door, InvalidConfig> {
        match (self.webhook_url, self.bot_token) {
            (Some(_), Some(_)) => {
                let what = "`webhook_url` and `bot_token` exclude each other";
                Err(InvalidConfig::at("bot_token", what))
            }
            (None, None) => Err(InvalidConfig::new(
                "either `webhook_url`, or `bot_token` and `channel`, is required",
            )),
            (Some(_), None) if self.channel.is_some() => {
                let what = "an incoming webhook has its own channel; `channel` needs a `bot_token`";
                Err(InvalidConfig::at("channel", what))
            }
            (Some(url), None) => Ok(Door::Webhook(checked_url("webhook_url", url.reveal())?)),
            (None, Some(token)) => {
                if !token.reveal().bytes().all(|byte| byte.is_ascii_graphic())
                    || token.reveal().is_empty()
                {
                    let what = "a token has visible characters only";
                    return Err(InvalidConfig::at("bot_token", what));
                }
                let channel = self.channel.unwrap_or_default();
                channel::check(&channel, NO_CHANNEL)?;
                let api_url = checked_url("api_url", self.api_url.trim_end_matches('/'))?;
                if api_url.query().is_some() || !api_url.username().is_empty() {
                    let what = "method names are appended to it, so it has no login and no query";
                    return Err(InvalidConfig::at("api_url", what));
                }
                Ok(Door::Bot {
                    token,
                    channel,
                    api_url,
                })
            }
        }
    }
}

fn checked_url(key: &'static str, text: &str) -> Result<Url, InvalidConfig> {
    let url: Url = text
        .parse()
        .map_err(|error| InvalidConfig::at(key, format_args!("not a URL: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(InvalidConfig::at(
            key,
            "a URL of Slack begins with `https://` or `http://`",
        )),
    }
}
