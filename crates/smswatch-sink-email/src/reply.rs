//! What a reply of the relay means at each step of a mail; the table in the README in code.

use std::fmt;

use lettre::transport::smtp::Error;

/// How far the conversation about a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The connection.
    Connect,
    /// TLS from the first byte.
    Tls,
    /// What the relay says first.
    Greeting,
    /// The introduction, with or without TLS.
    Ehlo,
    /// The change to TLS.
    StartTls,
    /// The login.
    Auth,
    /// The sender.
    Mail,
    /// One recipient.
    Rcpt,
    /// The question whether the mail may follow.
    Data,
    /// The mail itself.
    End,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect | Self::Tls | Self::Greeting => "the connection",
            Self::Ehlo => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "the login",
            Self::Mail => "the sender",
            Self::Rcpt => "the recipient",
            Self::Data => "DATA",
            Self::End => "the mail",
        })
    }
}

/// What a reply that refuses says about the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is about the relay, this client or the sender, or it passes by itself: later.
    Later,
    /// This recipient will never get a mail.
    NoSuchRecipient,
    /// This mail will never be taken, for any recipient.
    NotThisMail,
    /// There are more recipients than the relay takes at once.
    TooMany,
}

/// A reply of the relay that refuses something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// The enhanced status code of RFC 3463, such as 5.1.1, where the relay gives one.
    enhanced: Option<[u16; 3]>,
    /// All that the relay said behind the code, enhanced status included.
    pub(crate) text: String,
}

/// Words with which relays that give no exact code blame the client or the sender. The code decides
/// first: these are looked for only where it leaves that open.
const NOT_THE_RECIPIENT: [&str; 22] = [
    "relay",
    "sender",
    "helo",
    "ehlo",
    "client host",
    "spf",
    "dkim",
    "dmarc",
    "authentic",
    "log in",
    "login",
    "blocked",
    "blacklist",
    "blocklist",
    "blackhole",
    "reputation",
    "spam",
    "policy",
    "permitted",
    "reverse",
    "tls",
    "encrypt",
];

impl Reply {
    pub(crate) fn new(code: u16, text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            code,
            enhanced: enhanced(&text),
            text,
        }
    }

    /// The reply in which `error` has its cause, or `None` if the relay said nothing.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        use std::error::Error as _;

        let code = error.status()?;
        let text = error.source().map(ToString::to_string);
        Some(Self::new(code.into(), &text.unwrap_or_default()))
    }

    /// What it means at `step`.
    pub(crate) fn meaning(&self, step: Step) -> Meaning {
        match step {
            // Nothing was said of a recipient or of the mail yet, and DATA alone says nothing more.
            Step::Connect
            | Step::Tls
            | Step::Greeting
            | Step::Ehlo
            | Step::StartTls
            | Step::Auth
            | Step::Mail
            | Step::Data => Meaning::Later,
            Step::Rcpt => self.about_recipient(),
            Step::End => self.about_mail(),
        }
    }

    /// Whether it is about one of the recipients, although the relay had taken all of them before.
    pub(crate) fn is_about_one_recipient(&self) -> bool {
        matches!(self.enhanced, Some([_, 1, 1..=6 | 10] | [_, 2, 0..=3]))
    }

    /// Whether the relay ends the connection with it.
    pub(crate) fn ends_connection(&self) -> bool {
        self.code == 421
    }

    fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    fn says(&self, words: &[&str]) -> bool {
        let text = self.text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    }

    fn about_recipient(&self) -> Meaning {
        let too_many = match self.enhanced {
            Some([_, 5, 3]) => true,
            // RFC 5321 wants 452 for it, and knows that older relays say 552.
            None => matches!(self.code, 452 | 552) || self.says(&["too many recipients"]),
            Some(_) => false,
        };
        if too_many {
            return Meaning::TooMany;
        }
        if !self.is_permanent() {
            return Meaning::Later;
        }
        match self.enhanced {
            Some([_, 1, 1..=6 | 10]) => Meaning::NoSuchRecipient,
            Some([_, 2, 0 | 1 | 3]) => Meaning::NoSuchRecipient,
            Some([_, 6, _]) => Meaning::NoSuchRecipient,
            // Postfix says 5.1.0 of senders and of recipients.
            Some([_, 1 | 0, 0]) | None => match self.code {
                550 | 551 | 553 | 556 if !self.says(&NOT_THE_RECIPIENT) => Meaning::NoSuchRecipient,
                _ => Meaning::Later,
            },
            Some(_) => Meaning::Later,
        }
    }

    fn about_mail(&self) -> Meaning {
        match self.enhanced {
            _ if !self.is_permanent() => Meaning::Later,
            Some([_, 1, 1..=6 | 10] | [_, 2, 0 | 1 | 3]) => Meaning::NoSuchRecipient,
            // Its size, or its content.
            Some([_, 3, 4] | [_, 6, _]) => Meaning::NotThisMail,
            Some(_) | None => Meaning::Later,
        }
    }

    /// What an operator can do about it, where that is known.
    pub(crate) fn remedy(&self, step: Step) -> Option<&'static str> {
        let is_greeted = matches!(step, Step::Ehlo | Step::Rcpt | Step::Mail);
        if is_greeted && self.says(&["helo", "ehlo", "fully-qualified", "fully qualified"]) {
            return Some("`ehlo` sets the name with which smswatch introduces itself");
        }
        if self.says(&["starttls"]) {
            return Some("add `?tls=required` to `smtp`");
        }
        match (self.code, self.enhanced) {
            (530, _) => Some("the relay wants a login: set `username` and `password`"),
            (535, _) | (_, Some([_, 7, 8])) => Some("check the login in the sink's configuration"),
            _ if self.is_permanent() && self.says(&["relay"]) => {
                Some("allow this machine to send through the relay, or set a login")
            }
            _ if self.is_permanent() && self.says(&["sender", "send as"]) => {
                Some("check whether the relay lets this login send as `from`")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.text)
    }
}

/// The enhanced status code with which `text` begins.
fn enhanced(text: &str) -> Option<[u16; 3]> {
    let first = text.split_whitespace().next()?;
    let mut numbers = first.split('.').map(|number| {
        let is_number =
            (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| number.parse().ok()).flatten()
    });
    let parsed = [numbers.next()??, numbers.next()??, numbers.next()??];
    (numbers.next().is_none() && matches!(parsed[0], 2 | 4 | 5)).then_some(parsed)
}

#[cfg(test)]
mod tests;
