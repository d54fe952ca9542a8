//! Removes credentials from what the other side says, before it reaches errors, logs and people.

mod parts;
mod view;

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use self::parts::{PART, Parts};
use self::view::View;

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
/// redactor.hide("tk_7f3Q9xLm2Vb8");
/// assert_eq!(
///     redactor.clean("no hook 0123456789abcdef for tk_7f3Q9xLm2Vb8"),
///     "no hook [hidden] for [hidden]"
/// );
/// // A part of a secret, or its base64, is no better than the whole.
/// assert_eq!(redactor.clean("tk_7f3Q9x… or dGtfN2YzUTl4TG0yVmI4"), "[hidden]… or [hidden]");
/// ```
///
/// A secret is hidden as it is, percent-encoded, with the escapes of JSON and HTML, in base64 of either
/// alphabet wherever it stands in a longer text, and in hex. Parts of it are hidden, too, from 6 characters
/// on. Credentials of fewer than 4 bytes are not hidden: they occur in innocent words.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Texts that are hidden where they stand as a whole.
    wholes: Vec<String>,
    /// Parts that are hidden in every form.
    parts: Parts,
}

impl Redactor {
    /// Hides `secret` from now on, and every part of it.
    pub fn hide(&mut self, secret: &str) {
        self.parts.add(secret);
        if secret.contains(' ') {
            // As forms write it.
            self.parts.add(&secret.replace(' ', "+"));
        }
        self.hide_whole(secret);
        if (SHORTEST..PART).contains(&secret.len()) {
            self.hide_whole(STANDARD.encode(secret).trim_end_matches('='));
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
        for sent in [
            format!("{user}:{password}"),
            format!("\0{user}\0{password}"),
        ] {
            let sent = STANDARD.encode(sent);
            // The other side may repeat it without its padding.
            let sent = sent.trim_end_matches('=');
            self.parts.add_base64(sent.as_bytes());
            self.hide_whole(sent);
        }
    }

    /// Hides a URL from now on, and each of its parts that can hold a credential: the login, the whole
    /// path, long segments of it, and the query with its values. Text that is not a URL is hidden as a
    /// whole.
    pub fn hide_url(&mut self, url: &str) {
        self.hide_whole(url);
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
        self.hide_login(&decoded(user), &decoded(password));
        for whole in [url.as_str(), user, url.path(), query] {
            self.hide_whole(whole);
            self.hide_whole(&decoded(whole));
        }
        for secret in std::iter::once(password).chain(tokens).chain(values) {
            self.hide_encoded(secret);
        }
        // In these a `+` stands for a blank.
        for (_, value) in url.query_pairs() {
            self.hide(&value);
        }
    }

    /// Hides the value of an HTTP header from now on, with and without a scheme such as `Bearer`.
    pub fn hide_header(&mut self, value: &str) {
        let Some((scheme, token)) = value.rsplit_once(' ') else {
            self.hide(value);
            return;
        };
        self.hide_whole(value);
        self.hide(token);
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(login) = STANDARD.decode(token)
            && let Ok(login) = String::from_utf8(login)
        {
            self.hide_whole(&login);
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
            self.wholes.iter().any(|secret| secret.starts_with(end))
        };
        let mut starts = text.char_indices().map(|(at, _)| at);
        ranges.extend(starts.find(begins_secret).map(|at| at..text.len()));
        without(text, ranges)
    }

    fn hide_whole(&mut self, text: &str) {
        if text.len() >= SHORTEST && !self.wholes.iter().any(|known| known == text) {
            self.wholes.push(text.to_owned());
        }
    }

    /// Where secrets stand.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        if text.is_empty() || self.wholes.is_empty() {
            return Vec::new();
        }
        let views = View::all_of(text);
        let found = views.iter().flat_map(|view| {
            let wholes = self.wholes.iter().flat_map(|whole| view.find(whole));
            wholes.chain(self.parts.found(view))
        });
        let found = found
            .map(|range| text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end));
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
    fn no_part_of_a_secret_is_left_in_whatever_form() {
        let secret = "tk_7f3Q9x/Lm2\"Vb8";
        let redactor = redactor(&[secret]);
        let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for form in [
            secret.to_owned(),
            // Its beginning, its middle and its end.
            "tk_7f3Q9".to_owned(),
            "3Q9x/L".to_owned(),
            "m2\"Vb8".to_owned(),
            percent,
            "tk_7f3Q9x%2FLm2%22Vb8".to_owned(),
            hex,
            r#"tk_7f3Q9x\/Lm2\"Vb8"#.to_owned(),
            "tk_7f3Q9x/Lm2&quot;Vb8".to_owned(),
        ] {
            let clean = redactor.clean(&format!("no {form}!"));
            assert_eq!(clean, "no [hidden]!", "{form}");
        }
        for before in ["", "u", "us", "user:"] {
            for alphabet in [&STANDARD, &base64::engine::general_purpose::URL_SAFE] {
                let encoded = alphabet.encode(format!("{before}{secret} and more"));
                let clean = redactor.clean(&encoded);
                let rest = clean.replace(HIDDEN, "");
                // What hides the secret takes all but the edges, which its neighbors decide, too.
                let around = encoded.len() - secret.len() * 8 / 6;
                assert!(
                    clean.contains(HIDDEN) && rest.len() <= around + 3,
                    "{clean}"
                );
            }
        }
        assert_eq!(redactor.clean("tk_7f and x/Lm2"), "tk_7f and x/Lm2");
    }

    #[test]
    fn half_a_character_is_hidden_whole() {
        let redactor = redactor(&["ΣΣΣΣΩ"]);
        assert_eq!(redactor.clean("x ΣΣΣΣΩ y"), "x [hidden] y");
        assert_eq!(redactor.clean("x ΣΣΣ y"), "x [hidden] y");
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
