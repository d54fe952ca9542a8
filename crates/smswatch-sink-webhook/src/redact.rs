//! Removes the sink's credentials from what the other side says.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// Shorter credentials would tear holes into innocent words.
const SHORTEST: usize = 4;

const HIDDEN: &str = "[hidden]";

/// Texts that must not be repeated.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Hides `secret` from now on.
    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.secrets.push(secret.to_owned());
        }
    }

    /// Hides `part` of a URL from now on, and what it stands for.
    pub(crate) fn hide_encoded(&mut self, part: &str) {
        self.hide(part);
        self.hide(&decoded(part));
    }

    /// Hides the login of a URL from now on, as it stands there and as it is sent.
    pub(crate) fn hide_login(&mut self, user: &str, password: &str) {
        self.hide_encoded(user);
        self.hide_encoded(password);
        if !user.is_empty() || !password.is_empty() {
            let sent = STANDARD.encode(format!("{}:{}", decoded(user), decoded(password)));
            // Whoever repeats it may leave out its padding.
            self.hide(sent.trim_end_matches('='));
        }
    }

    /// Hides the value of a header from now on.
    pub(crate) fn hide_header(&mut self, value: &str) {
        self.hide(value);
        // `Bearer x`: the token is the credential, with or without the word before it.
        let Some((scheme, token)) = value.rsplit_once(' ') else {
            return;
        };
        self.hide(token);
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(login) = STANDARD.decode(token)
            && let Ok(login) = String::from_utf8(login)
        {
            self.hide(&login);
            if let Some((_, password)) = login.split_once(':') {
                self.hide(password);
            }
        }
    }

    /// `text` with every secret replaced.
    pub(crate) fn clean(&self, text: &str) -> String {
        without(text, self.found(text))
    }

    /// The same where the end of `text` is cut off: it may be the beginning of a secret.
    pub(crate) fn clean_cut(&self, text: &str) -> String {
        let mut ranges = self.found(text);
        let begins_secret = |at: &usize| {
            let end = &text[*at..];
            self.secrets.iter().any(|secret| secret.starts_with(end))
        };
        let mut starts = text.char_indices().map(|(at, _)| at);
        ranges.extend(starts.find(begins_secret).map(|at| at..text.len()));
        without(text, ranges)
    }

    /// Where secrets stand.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.secrets.iter().flat_map(|secret| {
            let matches = text.match_indices(secret.as_str());
            matches.map(|(at, secret)| at..at + secret.len())
        });
        found.collect()
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// `text` without the ranges, which may overlap.
fn without(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let mut clean = String::with_capacity(text.len());
    let mut end = None;
    for range in ranges {
        end = Some(match end {
            Some(end) if range.start <= end => range.end.max(end),
            _ => {
                clean.push_str(&text[end.unwrap_or(0)..range.start]);
                clean.push_str(HIDDEN);
                range.end
            }
        });
    }
    clean + &text[end.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.hide(secret);
        }
        redactor
    }

    #[test]
    fn secrets_inside_and_across_each_other_are_hidden_whole() {
        let redactor = redactor(&["abc", "token", "token=1", "n=123"]);
        let check = |text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check("abc: token=1 is no token", "abc: [hidden] is no [hidden]");
        check("a token=123 and tokentoken", "a [hidden] and [hidden]");
        check("nothing, in tok", "nothing, in tok");
        check("", "");
    }

    #[test]
    fn the_beginning_of_a_secret_is_hidden_where_the_text_was_cut() {
        let redactor = redactor(&["hunter2", "hunger"]);
        let check = |text: &str, expected: &str| assert_eq!(redactor.clean_cut(text), expected);
        check("it was hunte", "it was [hidden]");
        check("it was hunter2", "it was [hidden]");
        check("hunter2 and hun", "[hidden] and [hidden]");
        check("the hunt goes on", "the hunt goes on");
    }

    #[test]
    fn a_login_is_hidden_in_every_form_that_it_has_on_its_way() {
        let mut redactor = Redactor::default();
        redactor.hide_login("us%40er", "p%20ssword");
        for form in ["p%20ssword", "p ssword", "us@er", "dXNAZXI6cCBzc3dvcmQ="] {
            let clean = redactor.clean(&format!("<{form}>"));
            assert!(!clean.contains(form.trim_end_matches('=')), "{clean}");
        }
    }

    #[test]
    fn a_header_is_hidden_with_and_without_its_scheme() {
        let mut redactor = Redactor::default();
        redactor.hide_header("Bearer a-token");
        redactor.hide_header("Basic dXNlcjpodW50ZXIy");
        assert_eq!(
            redactor.clean("a-token, dXNlcjpodW50ZXIy, hunter2"),
            "[hidden], [hidden], [hidden]"
        );
    }
}
