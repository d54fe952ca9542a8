//! Removes credentials and addresses from what the relay says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
                "[address]"
            } else {
                word
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}
