//! Removes credentials and addresses from what the relay says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::EmailConfig;

/// Shorter credentials would tear holes into innocent words.
const SHORTEST: usize = 4;

/// Texts that must not be repeated, longest first.
#[derive(Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Hides the password, wherever it is configured, as it is written and as it is sent.
    pub(crate) fn of(config: &EmailConfig, url: &Url) -> Self {
        let mut redactor = Self::default();
        if let Some(encoded) = url.password() {
            redactor.hide(encoded.to_owned());
            redactor.hide_login(&decoded(url.username()), &decoded(encoded));
        }
        if let Some(password) = &config.password {
            let user = config.username.as_deref().unwrap_or_default();
            redactor.hide_login(user, password.reveal());
        }
        let secrets = &mut redactor.secrets;
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        redactor
    }

    fn hide_login(&mut self, user: &str, password: &str) {
        for sent in [password.to_owned(), format!("\0{user}\0{password}")] {
            let encoded = STANDARD.encode(&sent);
            self.hide(encoded.trim_end_matches('=').to_owned());
        }
        self.hide(password.to_owned());
    }

    fn hide(&mut self, secret: String) {
        if secret.len() >= SHORTEST {
            self.secrets.push(secret);
        }
    }

    /// The relay's words in one line, without credentials and addresses.
    pub(crate) fn clean(&self, text: &str) -> String {
        let secrets = self.secrets.iter();
        let clean = secrets.fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[hidden]")
        });
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

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}
