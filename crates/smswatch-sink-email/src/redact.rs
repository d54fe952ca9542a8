//! Removes credentials and addresses from what the relay says.

use lettre::Address;
use url::Url;

use crate::config::EmailConfig;
use crate::relay::decoded;

/// What must not be repeated: the credentials, and whose mailbox it is.
pub(crate) struct Redactor {
    credentials: smswatch_plugin::Redactor,
}

impl Redactor {
    /// Hides the password, wherever it is configured, as it is written and as it is sent.
    pub(crate) fn of(config: &EmailConfig, url: &Url) -> Self {
        let mut credentials = smswatch_plugin::Redactor::default();
        if let Some(encoded) = url.password() {
            credentials.hide_encoded(encoded);
            credentials.hide_login(&decoded(url.username()), &decoded(encoded));
        }
        if let Some(password) = &config.password {
            let user = config.username.as_deref().unwrap_or_default();
            credentials.hide_login(user, password.reveal());
        }
        Self { credentials }
    }

    /// The relay's words in one line, without credentials and addresses.
    pub(crate) fn clean(&self, text: &str) -> String {
        let clean = self.credentials.clean(text);
        let words = clean.split_whitespace().map(|word| {
            if word.contains('@') {
                let end = word.trim_end_matches([':', ';', ',', '.', ')']).len();
                format!("[address]{}", &word[end..])
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// A run of so many digits in an address may be a telephone number, as of a gateway to SMS.
const NUMBER: usize = 7;

impl Redactor {
    /// One of the configured addresses, as people may read it: without a telephone number in it.
    pub(crate) fn shown(&self, address: &Address) -> String {
        let mut shown = String::new();
        for part in address
            .to_string()
            .split_inclusive(|character: char| !character.is_ascii_digit())
        {
            let digits = part.trim_end_matches(|character: char| !character.is_ascii_digit());
            if digits.len() < NUMBER {
                shown.push_str(part);
            } else {
                shown.push_str(&digits[..2]);
                shown.push_str(&"*".repeat(digits.len() - 4));
                shown.push_str(&part[digits.len() - 2..]);
            }
        }
        shown
    }
}
