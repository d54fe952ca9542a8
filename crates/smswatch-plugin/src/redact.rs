//! Removes credentials from what the other side says, before it reaches errors, logs and people.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

/// Shorter credentials would tear holes into innocent words.
const SHORTEST: usize = 4;

/// A segment of a URL's path that is as long as this is a token rather than a word.
const SHORTEST_TOKEN: usize = 16;

const HIDDEN: &str = "[hidden]";

/// Texts that must not be repeated, and how to leave them out of other texts.
///
/// A sink makes one as it is configured, and cleans with it what its receiver answers:
///
/// ```
/// let mut redactor = smswatch_plugin::Redactor::default();
/// redactor.hide_url("https://pager.example.com/hooks/0123456789abcdef");
/// redactor.hide("a-token");
/// assert_eq!(
///     redactor.clean("no hook 0123456789abcdef for a-token"),
///     "no hook [hidden] for [hidden]"
/// );
/// ```
///
/// Credentials of fewer than 4 bytes are not hidden: they occur in innocent words.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Hides `secret` from now on.
    pub fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.secrets.push(secret.to_owned());
        }
    }

    /// Hides a percent-encoded text from now on, and the text that it stands for.
    pub fn hide_encoded(&mut self, encoded: &str) {
        self.hide(encoded);
        self.hide(&decoded(encoded));
    }

    /// Hides a password from now on, and the forms in which HTTP and SMTP send it together with `user`.
    /// The name of the user alone is not hidden.
    pub fn hide_login(&mut self, user: &str, password: &str) {
        if password.is_empty() && user.is_empty() {
            return;
        }
        self.hide(password);
        let together = [
            format!("{user}:{password}"),
            format!("\0{user}\0{password}"),
        ];
        for sent in together.iter().map(String::as_str).chain([password]) {
            // The other side may repeat it without its padding.
            self.hide(STANDARD.encode(sent).trim_end_matches('='));
        }
    }

    /// Hides a URL from now on, and each of its parts that can hold a credential: the login, the whole
    /// path, long segments of it, and the query with its values. Text that is not a URL is hidden as a
    /// whole.
    pub fn hide_url(&mut self, url: &str) {
        self.hide(url);
        let Ok(url) = url.parse::<Url>() else {
            return;
        };
        let (user, password) = (url.username(), url.password().unwrap_or_default());
        let segments = url.path_segments().into_iter().flatten();
        let tokens = segments.filter(|segment| segment.len() >= SHORTEST_TOKEN);
        let query = url.query().unwrap_or_default();
        let values = query.split('&').map(|pair| match pair.split_once('=') {
            Some((_, value)) => value,
            None => pair,
        });
        self.hide(url.as_str());
        self.hide_login(&decoded(user), &decoded(password));
        for part in [user, password, url.path(), query]
            .into_iter()
            .chain(tokens)
        {
            self.hide_encoded(part);
        }
        values.for_each(|value| self.hide_encoded(value));
        // In these a `+` stands for a blank.
        for (_, value) in url.query_pairs() {
            self.hide(&value);
        }
    }

    /// Hides the value of an HTTP header from now on, with and without a scheme such as `Bearer`.
    pub fn hide_header(&mut self, value: &str) {
        self.hide(value);
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

    /// Returns `text` with `[hidden]` in place of every secret.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        without(text, self.found(text))
    }

    /// Returns the same for a text whose end was cut off: it may be the beginning of a secret.
    #[must_use]
    pub fn clean_cut(&self, text: &str) -> String {
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

impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Redactor").finish_non_exhaustive()
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
    fn a_login_is_hidden_in_every_form_in_which_it_is_sent() {
        let mut redactor = Redactor::default();
        redactor.hide_login("us@er", "p ssword");
        for form in [
            "p ssword",
            "dXNAZXI6cCBzc3dvcmQ=",
            "AHVzQGVyAHAgc3N3b3Jk",
            "cCBzc3dvcmQ=",
        ] {
            let clean = redactor.clean(&format!("<{form}>"));
            assert!(!clean.contains(form.trim_end_matches('=')), "{clean}");
        }
        assert_eq!(redactor.clean("for us@er"), "for us@er");
    }

    #[test]
    fn a_url_is_hidden_whole_and_in_parts() {
        let url = "https://us%40er:pass%20word@example.com/services/T0/B0/0123456789%2Babcdef?key=a%20key&b+key";
        let mut redactor = Redactor::default();
        redactor.hide_url(url);
        for part in [
            url,
            "/services/T0/B0/0123456789%2Babcdef",
            "0123456789%2Babcdef",
            "0123456789+abcdef",
            "us@er",
            "pass%20word",
            "pass word",
            "dXNAZXI6cGFzcyB3b3Jk",
            "a%20key",
            "a key",
            "b+key",
        ] {
            assert_eq!(redactor.clean(&format!("<{part}>")), "<[hidden]>");
        }
        assert_eq!(redactor.clean("example.com"), "example.com");
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

    #[test]
    fn it_does_not_print_what_it_hides() {
        let printed = format!("{:?}", redactor(&["hunter2"]));
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
