//! One mail to all of its recipients, and what comes of it.

use std::fmt;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{Notification, Overrides};
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Probe, Receipt, Sink, SinkContext,
};

use crate::config::{Addresses, EmailConfig, EmailOverrides, mailbox};
use crate::outcome::{Recipients, outcome};
use crate::redact::Redactor;
use crate::relay::{self, Relay};
use crate::render;
use crate::reply::Step;
use crate::session::{self, Letter, Progress};
use crate::trouble::Trouble;

/// What of an attempt's time is left for saying what came of it, at most.
const REPORTING: Duration = Duration::from_secs(1);

/// Sends mails through one relay.
pub struct EmailSink {
    relay: Relay,
    addresses: Addresses,
    redactor: Redactor,
    /// How long a conversation with the relay may take: a little less than the attempt.
    patience: Duration,
}

impl ConfiguredSink for EmailSink {
    type Config = EmailConfig;
    type Overrides = EmailOverrides;

    fn configure(config: EmailConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let addresses = Addresses::of(&config)?;
        let url: url::Url = config
            .smtp
            .reveal()
            .parse()
            .map_err(|_| relay::no_relay())?;
        Ok(Self {
            relay: Relay::of(&config, &url)?,
            redactor: Redactor::of(&config, &url),
            addresses,
            patience: context.timeout - REPORTING.min(context.timeout / 10),
        })
    }

    fn check_overrides(&self, overrides: &EmailOverrides) -> Result<(), InvalidConfig> {
        overrides.check()
    }
}

/// Who gets a notification, and who of them a copy.
struct Envelope<'a> {
    sink: &'a EmailSink,
    notification: &'a Notification,
    mailboxes: Vec<Mailbox>,
    addresses: Vec<Address>,
    /// From which place on they get a copy.
    copies_from: usize,
}

impl<'a> Envelope<'a> {
    fn of(
        sink: &'a EmailSink,
        notification: &'a Notification,
        to: &[Mailbox],
        cc: &[Mailbox],
    ) -> Self {
        let mut envelope = Self {
            sink,
            notification,
            mailboxes: Vec::new(),
            addresses: Vec::new(),
            copies_from: 0,
        };
        envelope.add(to);
        envelope.copies_from = envelope.addresses.len();
        envelope.add(cc);
        envelope
    }

    /// Adds those who are not there yet: nobody gets a mail twice.
    fn add(&mut self, mailboxes: &[Mailbox]) {
        for mailbox in mailboxes {
            if !self.addresses.contains(&mailbox.email) {
                self.addresses.push(mailbox.email.clone());
                self.mailboxes.push(mailbox.clone());
            }
        }
    }
}

impl Letter for Envelope<'_> {
    fn sender(&self) -> &Address {
        &self.sink.addresses.from.email
    }

    fn recipients(&self) -> &[Address] {
        &self.addresses
    }

    fn written(&self, to: &[usize]) -> Result<Vec<u8>, Trouble> {
        let notification = self.notification;
        let from = &self.sink.addresses.from;
        let id = &notification.delivery_id;
        let mut builder = Message::builder()
            .from(from.clone())
            .subject(render::subject(notification))
            .message_id(Some(format!("<{id}@{}>", from.email.domain())))
            .date_now()
            .raw_header(header("X-Smswatch-Delivery", id.as_str()))
            .raw_header(header("X-Smswatch-Rule", &one_line(&notification.rule)))
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(reply_to) = &self.sink.addresses.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        for (place, mailbox) in self.mailboxes.iter().enumerate() {
            // An address that this relay cannot read must not stand in what the others get.
            if !to.contains(&place) && !AsRef::<str>::as_ref(&mailbox.email).is_ascii() {
                continue;
            }
            builder = if place < self.copies_from {
                builder.to(mailbox.clone())
            } else {
                builder.cc(mailbox.clone())
            };
        }
        let parts = render::parts(notification);
        let parts = MultiPart::alternative_plain_html(parts.text, parts.html);
        let written = builder.multipart(parts).map_err(|error| {
            Trouble::unwritable(format!("the notification makes no mail: {error}"))
        })?;
        Ok(written.formatted())
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

/// The recipients that a rule asks for, with those of them that are no addresses; `None` if it asks for
/// none.
fn overridden(overrides: &Overrides) -> Option<(Vec<Mailbox>, Vec<String>)> {
    let overridden = overrides.get("to")?.as_array()?;
    let mut mailboxes = Vec::new();
    let mut unreadable = Vec::new();
    for address in overridden {
        match address.as_str().and_then(mailbox) {
            Some(mailbox) => mailboxes.push(mailbox),
            None => unreadable.push(address.as_str().unwrap_or_default().to_owned()),
        }
    }
    Some((mailboxes, unreadable))
}

#[async_trait]
impl Sink for EmailSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let own = &self.addresses;
        let (envelope, unreadable) = match overridden(&notification.overrides) {
            Some((to, unreadable)) => (Envelope::of(self, notification, &to, &[]), unreadable),
            None => (
                Envelope::of(self, notification, &own.to, &own.cc),
                Vec::new(),
            ),
        };
        let recipients = Recipients {
            addresses: &envelope.addresses,
            unreadable: &unreadable,
            relay: &self.relay,
            redactor: &self.redactor,
        };
        if envelope.addresses.is_empty() {
            return outcome(&recipients, Progress::new(), None);
        }
        let mut progress = Progress::new();
        let sending = session::send(&self.relay, &envelope, &mut progress, self.patience);
        let ended = tokio::time::timeout(self.patience, sending).await;
        let trouble = match ended {
            Ok(sent) => sent.err(),
            Err(_) => Some(Trouble::silent(&self.relay, progress.step, self.patience)),
        };
        outcome(&recipients, progress, trouble)
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let greeting = tokio::time::timeout(self.patience, session::greet(&self.relay)).await;
        let trouble = match greeting {
            Ok(Ok(())) => {
                let accepted = match self.relay.credentials {
                    Some(_) => "accepts the login",
                    None => "answers",
                };
                let said = format!("the relay {} {accepted}", self.relay);
                return Ok(Probe::Answered(said));
            }
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::silent(&self.relay, Step::Connect, self.patience),
        };
        Err(DeliveryError::temporary(self.redactor.clean(&trouble.what)))
    }
}

impl fmt::Debug for EmailSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EmailSink")
            .field("relay", &self.relay.to_string())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
