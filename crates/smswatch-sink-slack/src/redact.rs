//! Removes the sink's credentials from what the other side says.

use percent_encoding::percent_decode_str;
use url::Url;

/// Shorter credentials would tear holes into innocent words.
const SHORTEST: usize = 4;

/// A segment of a webhook's path that is as long as this is a token rather than a word.
const SHORTEST_TOKEN: usize = 16;

/// Texts that must not be repeated, longest first.
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Hides a bot's token.
    pub(crate) fn of_token(token: &str) -> Self {
        Self::of(vec![token.to_owned()])
    }

    /// Hides the URL of an incoming webhook and its parts, as they stand there and as they are meant.
    pub(crate) fn of_webhook(url: &Url) -> Self {
        let segments = url.path_segments().into_iter().flatten();
        let tokens = segments.filter(|segment| segment.len() >= SHORTEST_TOKEN);
        let query = url.query().unwrap_or_default();
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        let parts = [
            url.as_str(),
            url.path(),
            url.username(),
            url.password().unwrap_or_default(),
            query,
        ];
        let parts = parts.into_iter().chain(tokens);
        let parts = parts.chain(values.map(|(_, value)| value));
        let forms = parts.flat_map(|part| [part.to_owned(), decoded(part)]);
        Self::of(forms.collect())
    }

    fn of(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// `text` with every secret replaced.
    pub(crate) fn clean(&self, text: &str) -> String {
        let secrets = self.secrets.iter();
        secrets.fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[hidden]")
        })
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhooks_url_is_hidden_whole_and_in_parts() {
        let url =
            "https://a:pass%20word@example.com/services/T0/B0/0123456789%2Babcdef?key=a%20key";
        let redactor = Redactor::of_webhook(&url.parse().expect("a URL"));
        for part in [
            url,
            "/services/T0/B0/0123456789%2Babcdef",
            "0123456789%2Babcdef",
            "0123456789+abcdef",
            "pass%20word",
            "pass word",
            "a%20key",
            "a key",
        ] {
            assert_eq!(redactor.clean(&format!("<{part}>")), "<[hidden]>");
        }
    }
}
