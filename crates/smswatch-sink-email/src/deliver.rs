//! One mail, and what the relay's answer means.

use std::fmt;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::response::Severity as ReplySeverity;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use smswatch_core::async_trait;
use smswatch_core::model::Notification;
use smswatch_core::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Receipt, Sink, SinkContext,
};

use crate::config::{Addresses, EmailConfig, EmailWishes};
use crate::redact::Redactor;
use crate::render;

/// How long one step of the conversation with the relay may take; core bounds the whole attempt.
const STEP: Duration = Duration::from_secs(30);

/// The replies that refuse the login and not the mail.
const LOGIN: [u16; 4] = [530, 534, 535, 538];

/// Sends mails through one relay.
pub struct EmailSink {
    /// Every mail has a connection of its own: one that an abandoned attempt left in the middle of a
    /// conversation must not be anybody else's.
    transport: AsyncSmtpTransportBuilder,
    addresses: Addresses,
    redactor: Redactor,
    /// What stands behind the `@` of message ids.
    domain: String,
}

impl ConfiguredSink for EmailSink {
    type Config = EmailConfig;
    type Wishes = EmailWishes;

    fn configure(config: EmailConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        let addresses = Addresses::of(&config)?;
        // What is wrong with the URL is not repeated: it may hold a password.
        let invalid = || {
            InvalidConfig::at(
                "smtp",
                "this is no relay such as smtp://HOST:PORT or smtps://HOST:PORT",
            )
        };
        let url: url::Url = config.smtp.reveal().parse().map_err(|_| invalid())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid());
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(config.smtp.reveal());
        let mut builder = builder.map_err(|_| invalid())?;
        builder = builder.timeout(Some(STEP));
        let redactor = Redactor::of(&config, &url);
        match (config.username, config.password) {
            (Some(user), Some(password)) => {
                builder = builder.credentials(Credentials::new(user, password.reveal().to_owned()));
            }
            (None, None) => {}
            (Some(_), None) => {
                return Err(InvalidConfig::at("username", "a user needs a `password`"));
            }
            (None, Some(_)) => {
                return Err(InvalidConfig::at(
                    "password",
                    "a password needs a `username`",
                ));
            }
        }
        let domain = addresses.from.email.domain().to_owned();
        Ok(Self {
            transport: builder,
            addresses,
            redactor,
            domain,
        })
    }
}

impl EmailSink {
    fn message(&self, notification: &Notification) -> Result<Message, DeliveryError> {
        let unmailable = |error: lettre::error::Error| {
            DeliveryError::permanent("the notification makes no mail").because(error)
        };
        let id = &notification.delivery_id;
        let mut builder = Message::builder()
            .from(self.addresses.from.clone())
            .subject(render::subject(notification))
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            .date_now()
            .raw_header(header("X-Smswatch-Delivery", id.as_str()))
            .raw_header(header("X-Smswatch-Rule", &one_line(&notification.rule)))
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(reply_to) = &self.addresses.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        for to in self.recipients(notification)? {
            builder = builder.to(to);
        }
        if !notification.wishes.contains_key("to") {
            for cc in &self.addresses.cc {
                builder = builder.cc(cc.clone());
            }
        }
        let parts = MultiPart::alternative_plain_html(
            render::text(notification),
            render::html(notification),
        );
        builder.multipart(parts).map_err(unmailable)
    }

    /// The rule's own recipients, or else the sink's.
    fn recipients(&self, notification: &Notification) -> Result<Vec<Mailbox>, DeliveryError> {
        let Some(wished) = notification
            .wishes
            .get("to")
            .and_then(|wish| wish.as_array())
        else {
            return Ok(self.addresses.to.clone());
        };
        wished
            .iter()
            .map(|address| {
                address
                    .as_str()
                    .and_then(|address| address.parse().ok())
                    .ok_or_else(|| {
                        DeliveryError::permanent("the rule asks for a recipient that is no address")
                    })
            })
            .collect()
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::new(name, value.to_owned())
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[async_trait]
impl Sink for EmailSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let message = self.message(notification)?;
        let transport = self.transport.clone().build::<Tokio1Executor>();
        match transport.send(message).await {
            Ok(response) => {
                let words: Vec<&str> = response.message().collect();
                let words = self.redactor.clean(&words.join(" "));
                Ok(Receipt::new(format_args!("{} {words}", response.code())))
            }
            Err(error) => Err(failure(&error, &self.redactor)),
        }
    }
}

/// Whether a relay that refuses may take the mail later.
fn failure(error: &Error, redactor: &Redactor) -> DeliveryError {
    let cause = redactor.clean(&cause(error));
    let Some(code) = error.status() else {
        let what = if error.is_timeout() {
            "the relay did not answer in time"
        } else if error.is_tls() {
            "the relay and smswatch agree on no TLS"
        } else {
            "the relay could not be reached"
        };
        return DeliveryError::temporary(what).because(cause);
    };
    let number: u16 = code.to_string().parse().unwrap_or(0);
    let is_permanent =
        code.severity == ReplySeverity::PermanentNegativeCompletion && !LOGIN.contains(&number);
    let what = format!("the relay answered {number}");
    match is_permanent {
        // A relay that turns everybody away says so with 521 or 554 before it hears of the mail;
        // lettre does not tell at which step it was, and 521 and 421 have no other meaning.
        true if number != 521 => DeliveryError::permanent(what).because(cause),
        _ => DeliveryError::temporary(what).because(cause),
    }
}

/// The relay's words.
fn cause(error: &Error) -> String {
    use std::error::Error as _;
    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

impl fmt::Debug for EmailSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EmailSink")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
