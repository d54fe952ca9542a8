//! A mail to its recipients, with the headers by which programs recognize, sort and join mails.

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use smswatch_plugin::model::Notification;

use crate::config::Addresses;
use crate::render;
use crate::session::Letter;
use crate::seven_bit;
use crate::trouble::Trouble;

/// How many characters of a name stand in a header.
const NAME: usize = 100;

/// Where mails come from, in the words of their headers.
pub(crate) struct Origin {
    /// The domain of the sender, in which ids are unique.
    domain: String,
    /// What all mails of one sink have in common: `<oncall-mail.smswatch.example.com>`.
    list: String,
}

impl Origin {
    /// Of the mails of `sink`.
    pub(crate) fn of(sink: &str, from: &Mailbox) -> Self {
        let domain = from.email.domain().to_owned();
        let list = format!("<{}.smswatch.{domain}>", word(sink));
        Self { domain, list }
    }

    /// The id of the mail, or of the thread, that is called `name`.
    fn id(&self, name: &str) -> String {
        format!("<{}@{}>", word(name), self.domain)
    }
}

/// A notification to those who get it.
pub(crate) struct Envelope<'a> {
    own: &'a Addresses,
    origin: &'a Origin,
    notification: &'a Notification,
    mailboxes: Vec<Mailbox>,
    addresses: Vec<Address>,
    /// From which place on they get a copy.
    pub(crate) copies_from: usize,
}

impl<'a> Envelope<'a> {
    /// `notification` to those in `to`, with a copy to those in `cc`; `own` says who sends it.
    pub(crate) fn new(
        own: &'a Addresses,
        origin: &'a Origin,
        notification: &'a Notification,
        to: &[Mailbox],
        cc: &[Mailbox],
    ) -> Self {
        let mut envelope = Self {
            own,
            origin,
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

    /// Adds those who are not there yet, so that no one gets a mail twice.
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
        &self.own.from.email
    }

    fn recipients(&self) -> &[Address] {
        &self.addresses
    }

    fn written(&self, to: &[usize]) -> Result<Vec<u8>, Trouble> {
        let notification = self.notification;
        let delivery = notification.delivery_id.as_str();
        // No mail has this id. Programs join the mails that refer to one, whichever of them arrive.
        let thread = self.origin.id(&notification.key);
        let mut builder = Message::builder()
            .from(self.own.from.clone())
            .subject(render::subject(notification))
            .message_id(Some(self.origin.id(delivery)))
            .in_reply_to(thread.clone())
            .references(thread)
            .date_now()
            .raw_header(header("List-Id", &self.origin.list))
            .raw_header(header("X-Smswatch-Delivery", delivery))
            .raw_header(header("X-Smswatch-Rule", &one_line(&notification.rule)))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            // Exchange looks at this one before it tells of absences.
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(reply_to) = &self.own.reply_to {
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
        let parts = MultiPart::alternative()
            .singlepart(SinglePart::plain(parts.text))
            .singlepart(SinglePart::html(seven_bit::body(parts.html)));
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

/// `name` as one word of an id, which has few characters.
fn word(name: &str) -> String {
    let letters = name.chars().take(NAME);
    letters
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => letter,
            _ => '-',
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_few_characters_whatever_the_names_have() {
        let from: Mailbox = "SMS <alerts@example.com>".parse().expect("an address");
        let origin = Origin::of("on call: Δ", &from);
        assert_eq!(origin.list, "<on-call---.smswatch.example.com>");
        assert_eq!(origin.id("key_01"), "<key_01@example.com>");
        assert_eq!(origin.id("a\r\nBcc: <x>"), "<a--Bcc---x-@example.com>");
    }
}
