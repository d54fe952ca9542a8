//! Why a conversation with the relay ended before its end, in words that name the relay and the reason.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Code;
use rustls::{CertificateError, Error as TlsError};

use crate::relay::{Relay, Tls};
use crate::reply::{Reply, Step};

/// Why a conversation ended early. Trying again can help, unless the mail itself is refused.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) what: String,
    /// The relay will never take this mail, for any recipient.
    pub(crate) is_about_mail: bool,
}

impl Trouble {
    /// Something that an operator can mend, or that passes.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            is_about_mail: false,
        }
    }

    /// The relay refused something at `step` that is about no single recipient.
    pub(crate) fn refused(relay: &Relay, step: Step, reply: &Reply) -> Self {
        let mut what = format!("the relay {relay} refuses {step}: {reply}");
        if let Some(remedy) = reply.remedy(step) {
            what.push_str("; ");
            what.push_str(remedy);
        }
        Self::new(what)
    }

    /// The relay will never take this mail.
    pub(crate) fn about_mail(relay: &Relay, reply: &Reply) -> Self {
        Self {
            what: format!("the relay {relay} refuses this mail: {reply}"),
            is_about_mail: true,
        }
    }

    /// The relay said neither yes nor no at `step`, but something that answers another question.
    pub(crate) fn unfitting(relay: &Relay, step: Step, code: Code) -> Self {
        Self::new(format!(
            "the relay {relay} answers {step} with {code}, which does not fit"
        ))
    }

    /// The mail cannot even be written.
    pub(crate) fn unwritable(what: String) -> Self {
        Self {
            what,
            is_about_mail: true,
        }
    }

    /// The relay said nothing for too long at `step`.
    pub(crate) fn silent(relay: &Relay, step: Step, waited: Duration) -> Self {
        let seconds = (waited.as_secs_f64() * 10.0).round() / 10.0;
        Self::new(match (step, &relay.tls) {
            (Step::Connect, _) => format!("no connection to the relay {relay} within {seconds} s"),
            (Step::Tls, _) => format!(
                "no TLS with the relay {relay} within {seconds} s; if it wants STARTTLS, use `smtp://` with `?tls=required`"
            ),
            (Step::Greeting, Tls::Implicit(_)) => {
                format!("no greeting from the relay {relay} within {seconds} s")
            }
            (Step::Greeting, _) => format!(
                "no greeting from the relay {relay} within {seconds} s; if it wants TLS from the first byte, use `smtps://`"
            ),
            _ => format!("the relay {relay} gave no answer to {step} within {seconds} s"),
        })
    }

    /// The name of the relay leads nowhere.
    pub(crate) fn unknown_host(relay: &Relay, error: &io::Error) -> Self {
        let host = &relay.host;
        // The system says "failed to lookup address information: Name or service not known".
        let error = error.to_string();
        let reason = error.rsplit(": ").next().unwrap_or_default();
        Self::new(format!(
            "the relay's name `{host}` cannot be looked up: {reason}"
        ))
    }

    /// What `error` at `step` means.
    pub(crate) fn of(relay: &Relay, step: Step, error: &Error) -> Self {
        if let Some(reply) = Reply::of(error) {
            return Self::refused(relay, step, &reply);
        }
        if let Some(error) = cause::<TlsError>(error) {
            return Self::new(no_tls(relay, step, error));
        }
        if let Some(error) = cause::<io::Error>(error) {
            return Self::of_connection(relay, step, error);
        }
        let last = causes(error).last().map(ToString::to_string);
        match last.unwrap_or_default().as_str() {
            "incomplete response" => Self::new(closed(relay, step)),
            _ if error.is_response() => Self::new(format!(
                "{relay} does not answer as a mail relay does; check host and port in `smtp`"
            )),
            words => Self::new(format!("no mail can be sent through {relay}: {words}")),
        }
    }
}

impl Trouble {
    /// What it means that the connection failed at `step`.
    pub(crate) fn of_connection(relay: &Relay, step: Step, error: &io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<TlsError>()) {
            return Self::new(no_tls(relay, step, error));
        }
        Self::new(match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("{relay} refuses connections"),
            io::ErrorKind::TimedOut => format!("no connection to {relay} in time"),
            io::ErrorKind::UnexpectedEof => closed(relay, step),
            _ => format!("the connection to the relay {relay} failed: {error}"),
        })
    }
}

fn closed(relay: &Relay, step: Step) -> String {
    match step {
        Step::Connect | Step::Tls | Step::Greeting => {
            format!("the relay {relay} closed the connection before it took a command")
        }
        step => format!("the relay {relay} closed the connection at {step}"),
    }
}

/// Why there is no TLS.
fn no_tls(relay: &Relay, step: Step, error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(error) => {
            let reason = distrust(relay, error);
            format!("the certificate of the relay {relay} is not trusted: {reason}")
        }
        TlsError::InvalidMessage(_) if step <= Step::Greeting => format!(
            "the relay {relay} does not speak TLS from the first byte: use `smtp://`, with `?tls=required` for STARTTLS"
        ),
        error => format!("no TLS with the relay {relay}: {error}"),
    }
}

/// What is wrong with a certificate.
fn distrust(relay: &Relay, error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it on the relay".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check this machine's clock".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "it is not made out to `{}`; write the name that it is made out to in `smtp`",
                relay.host
            )
        }
        // The last two are of an issuer that is called like one that is known, and is another.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "this machine does not know who issued it; install the \
             package ca-certificates, or name the issuer's file in SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::Revoked => "it was revoked; put another one on the relay".to_owned(),
        other => other.to_string(),
    }
}

/// All causes of `error`, the outermost first; those that an [`io::Error`] wraps included.
fn causes(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error| next_cause(*error))
}

fn next_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error
            .get_ref()
            .map(|inner| inner as &(dyn StdError + 'static)),
        None => error.source(),
    }
}

fn cause<T: StdError + 'static>(error: &Error) -> Option<&T> {
    causes(error).find_map(|error| error.downcast_ref())
}
