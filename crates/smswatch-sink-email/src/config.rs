//! What an operator writes about an e-mail sink, and what of it makes no sense.

use lettre::Address;
use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_plugin::Secret;
use smswatch_plugin::sink::InvalidConfig;

/// Sends mails through one relay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// The relay: `smtp://HOST:PORT`, `smtp://HOST:PORT?tls=required` (STARTTLS) or
    /// `smtps://HOST:PORT`; may hold user and password, percent-encoded. An IPv6 address stands in
    /// brackets: `smtp://[::1]:25`.
    pub smtp: Secret,
    /// The user to log in as, if the URL names none.
    #[serde(default)]
    pub username: Option<String>,
    /// The password to log in with, if the URL holds none.
    #[serde(default)]
    pub password: Option<Secret>,
    /// The name with which smswatch introduces itself to the relay (`EHLO`): a host's full name, or an
    /// address such as `[192.0.2.1]`. Default: this machine's name if it has a domain, else its
    /// address.
    #[serde(default)]
    pub ehlo: Option<String>,
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
pub struct EmailOverrides {
    /// Other recipients than the sink's own. Then no copies are sent.
    #[schemars(length(min = 1))]
    pub to: Option<Vec<String>>,
}

impl EmailOverrides {
    /// Checks the recipients as strictly as the sink's own.
    ///
    /// # Errors
    ///
    /// There is none, or one is no address.
    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        match &self.to {
            Some(to) => recipients(to).map(drop),
            None => Ok(()),
        }
    }
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
        let copies = config.cc.iter().map(|text| checked("cc", text));
        let reply_to = config.reply_to.as_deref();
        Ok(Self {
            from: checked("from", &config.from)?,
            to: recipients(&config.to)?,
            cc: copies.collect::<Result<_, _>>()?,
            reply_to: reply_to.map(|text| checked("reply_to", text)).transpose()?,
        })
    }
}

/// The recipients of a mail, of which there must be one.
fn recipients(to: &[String]) -> Result<Vec<Mailbox>, InvalidConfig> {
    if to.is_empty() {
        return Err(InvalidConfig::at("to", "a mail needs a recipient"));
    }
    to.iter().map(|text| checked("to", text)).collect()
}

fn checked(key: &'static str, text: &str) -> Result<Mailbox, InvalidConfig> {
    mailbox(text).ok_or_else(|| {
        let several = if text.matches('@').count() > 1 {
            "; give each address an entry of its own"
        } else {
            ""
        };
        InvalidConfig::at(
            key,
            format_args!("`{text}` is no address such as `Name <name@example.com>`{several}"),
        )
    })
}

/// The address that `text` is, its domain in the form that mail uses.
pub(crate) fn mailbox(text: &str) -> Option<Mailbox> {
    let mut mailbox: Mailbox = text.trim().parse().ok()?;
    let domain = mailbox.email.domain();
    if !domain.is_ascii() {
        let domain = url::Host::parse(domain).ok()?.to_string();
        mailbox.email = Address::new(mailbox.email.user(), domain).ok()?;
    }
    Some(mailbox)
}
