//! One mail to all of its recipients, and what comes of it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::Notification;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Preview, Probe, Receipt, Sink, SinkContext,
};

use crate::config::{Addresses, EmailConfig, EmailOverrides, mailbox};
use crate::envelope::{Envelope, Origin};
use crate::idle::Idle;
use crate::outcome::{Recipients, outcome};
use crate::progress::Progress;
use crate::redact::Redactor;
use crate::relay::{self, Relay};
use crate::render;
use crate::session::{self, Letter as _};
use crate::trouble::Trouble;

/// What of an attempt's time is left for saying what came of it, at most.
const REPORTING: Duration = Duration::from_secs(1);

/// Sends mails through one relay.
pub struct EmailSink {
    relay: Relay,
    /// Conversations with the relay that wait for a mail.
    idle: Idle,
    addresses: Addresses,
    origin: Origin,
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
            idle: Idle::default(),
            redactor: Redactor::of(&config, &url),
            origin: Origin::of(&context.name, &addresses.from),
            addresses,
            patience: context.timeout - REPORTING.min(context.timeout / 10),
        })
    }

    fn check_overrides(&self, overrides: &EmailOverrides) -> Result<(), InvalidConfig> {
        overrides.check()
    }

    fn is_default(&self, key: &str, overrides: &EmailOverrides) -> bool {
        let addresses = |to: &[Mailbox]| -> BTreeSet<String> {
            to.iter().map(|to| to.email.to_string()).collect()
        };
        let own = &self.addresses;
        let is_same = |to: &Vec<String>| {
            let asked: Option<Vec<Mailbox>> = to.iter().map(|to| mailbox(to)).collect();
            asked.is_some_and(|asked| addresses(&asked) == addresses(&own.to))
        };
        // Without the sink's copies it is another mail.
        key == "to" && own.cc.is_empty() && overrides.to.as_ref().is_some_and(is_same)
    }
}

/// The recipients that a rule asks for, and those of them that are no addresses.
fn overridden(to: Vec<String>) -> (Vec<Mailbox>, Vec<String>) {
    let mut mailboxes = Vec::new();
    let mut unreadable = Vec::new();
    for address in to {
        match mailbox(&address) {
            Some(mailbox) => mailboxes.push(mailbox),
            None => unreadable.push(address),
        }
    }
    (mailboxes, unreadable)
}

impl EmailSink {
    fn envelope<'a>(
        &'a self,
        notification: &'a Notification,
        to: &[Mailbox],
        cc: &[Mailbox],
    ) -> Envelope<'a> {
        Envelope::new(&self.addresses, &self.origin, notification, to, cc)
    }
}

#[async_trait]
impl Sink for EmailSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let own = &self.addresses;
        let to = Self::overrides_of(notification)?.and_then(|overrides| overrides.to);
        let (envelope, unreadable) = match to.map(overridden) {
            Some((to, unreadable)) => (self.envelope(notification, &to, &[]), unreadable),
            None => (self.envelope(notification, &own.to, &own.cc), Vec::new()),
        };
        let recipients = Recipients {
            addresses: envelope.recipients(),
            copies_from: envelope.copies_from,
            unreadable: &unreadable,
            relay: &self.relay,
            redactor: &self.redactor,
        };
        if envelope.recipients().is_empty() {
            return outcome(&recipients, Progress::new(), None);
        }
        let mut progress = Progress::new();
        let sending = session::send(
            &self.relay,
            &self.idle,
            &envelope,
            &mut progress,
            self.patience,
        );
        let ended = tokio::time::timeout(self.patience, sending).await;
        let trouble = match ended {
            Ok(sent) => sent.err(),
            Err(_) => Some(Trouble::silent(
                &self.relay,
                progress.reached(),
                self.patience,
            )),
        };
        outcome(&recipients, progress, trouble)
    }

    fn preview(&self, notification: &Notification) -> Preview {
        let parts = render::parts(notification);
        Preview::default()
            .part("Subject", render::subject(notification))
            .part("Text", parts.text)
            .html(parts.html)
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let mut progress = Progress::new();
        let greeting = session::greet(&self.relay, &mut progress);
        let greeting = tokio::time::timeout(self.patience, greeting).await;
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
            Err(_) => Trouble::silent(&self.relay, progress.reached(), self.patience),
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
