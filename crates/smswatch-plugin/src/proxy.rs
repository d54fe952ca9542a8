//! Which proxy HTTP requests leave through, as an operator writes it.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::secret::Secret;

/// The kinds of proxies that a URL can name.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Which proxy the requests of an HTTP client leave through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Proxy {
    /// The one that `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY` name, except for what `NO_PROXY` names.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
    /// The one at this URL, which may hold a login; except for what `NO_PROXY` names.
    Url(Secret),
}

/// A text that names no proxy. It is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `env`, `none`, or the URL of a proxy such as `http://proxy.example.com:3128` or \
     `socks5h://127.0.0.1:1080`"
)]
pub struct InvalidProxy;

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let text = text.trim();
        match text {
            "env" => return Ok(Self::Environment),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let address = authority.rsplit('@').next().unwrap_or_default();
        let is_known = SCHEMES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme));
        let has_host = !address.is_empty() && !address.starts_with(':');
        if !is_known || !has_host || text.contains(char::is_whitespace) {
            return Err(InvalidProxy);
        }
        Ok(Self::Url(Secret::new(text)))
    }
}

impl fmt::Display for Proxy {
    /// Shows the choice without a login.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => formatter.write_str("env"),
            Self::None => formatter.write_str("none"),
            Self::Url(url) => match url.reveal().rsplit_once('@') {
                Some((login, address)) => {
                    let scheme = login.split_once("://").map_or("", |(scheme, _)| scheme);
                    write!(formatter, "{scheme}://{address}")
                }
                None => formatter.write_str(url.reveal()),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Proxy {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Proxy".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_word_or_a_url_that_is_shown_without_its_login() {
        for (text, shown) in [
            ("env", "env"),
            ("none", "none"),
            (
                "http://proxy.example.com:3128",
                "http://proxy.example.com:3128",
            ),
            ("https://bob:hunter2@proxy:3128/", "https://proxy:3128/"),
            ("SOCKS5h://[::1]:1080", "SOCKS5h://[::1]:1080"),
        ] {
            let proxy: Proxy = text.parse().expect(text);
            assert_eq!(proxy.to_string(), shown);
            assert!(!format!("{proxy:?}").contains("hunter2"));
        }
        for text in [
            "",
            "ENV",
            "proxy.example.com:3128",
            "ftp://proxy:21",
            "http://",
            "http://:3128",
            "http://bob:hunter2@",
            "http://a b:1",
            "off",
        ] {
            let error = text.parse::<Proxy>().expect_err(text);
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
