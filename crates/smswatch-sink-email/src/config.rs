//! What an operator writes about an e-mail sink, and what of it makes no sense.

use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_core::Secret;
use smswatch_core::sink::InvalidConfig;

/// Sends mails through one relay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// The relay: `smtp://HOST:PORT`, `smtp://HOST:PORT?tls=required` or `smtps://HOST:PORT`; may
    /// hold user and password.
    pub smtp: Secret,
    /// The user to log in as, where the URL names none.
    #[serde(default)]
    pub username: Option<String>,
    /// The password to log in with, where the URL holds none.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The sender, such as `SMS alerts <alerts@example.com>`.
    pub from: String,
    /// The recipients.
    #[schemars(length(min = 1))]
    pub to: Vec<String>,
    /// More recipients, who see that they get a copy.
    #[serde(default)]
    pub cc: Vec<String>,
    /// Where answers go, where not to the sender.
    #[serde(default)]
    pub reply_to: Option<String>,
}

/// What a rule may ask of an e-mail sink.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailWishes {
    /// Other recipients than the sink's own; nobody gets a copy then.
    #[schemars(length(min = 1))]
    pub to: Option<Vec<String>>,
}

/// Who a mail is from and to.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    pub(crate) cc: Vec<Mailbox>,
    pub(crate) reply_to: Option<Mailbox>,
}

impl Addresses {
    pub(crate) fn of(config: &EmailConfig) -> Result<Self, InvalidConfig> {
        if config.to.is_empty() {
            return Err(InvalidConfig::at("to", "a mail needs a recipient"));
        }
        let all = |key, texts: &[String]| -> Result<Vec<Mailbox>, InvalidConfig> {
            texts.iter().map(|text| mailbox(key, text)).collect()
        };
        Ok(Self {
            from: mailbox("from", &config.from)?,
            to: all("to", &config.to)?,
            cc: all("cc", &config.cc)?,
            reply_to: config
                .reply_to
                .as_deref()
                .map(|text| mailbox("reply_to", text))
                .transpose()?,
        })
    }
}

fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, InvalidConfig> {
    text.parse().map_err(|_| {
        InvalidConfig::at(
            key,
            format!("`{text}` is no address such as `Name <name@example.com>`"),
        )
    })
}
