//! Where traces go, and which of them.

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use smswatch_outbound::SetupError;
use smswatch_plugin::{Proxy, Secret};

/// What a receiver's path ends with.
const PATH: &str = "/v1/traces";

/// Where traces go, and which of them.
#[derive(Debug, Clone)]
pub struct ExporterOptions {
    /// The receiver, as [`endpoint`] reads it.
    pub endpoint: String,
    /// What stands in the head of each request; the values are secrets.
    pub headers: Vec<(String, Secret)>,
    /// How the process is called in traces.
    pub service_name: String,
    /// Which part of all traces is told, from 0 to 1.
    pub sample_ratio: f64,
    /// Through which proxy the receiver is reached.
    pub proxy: Proxy,
}

/// Why there can be no exporter.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOptions {
    /// The endpoint is none.
    #[error("the endpoint is not an `http` or `https` URL")]
    Endpoint,
    /// A header cannot be sent; its name is within.
    #[error("`{0}` cannot be a header, or its value cannot be sent")]
    Header(String),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] SetupError),
}

/// The URL to which traces are posted, of a base such as `http://127.0.0.1:4318`; `None` if it is no such URL. A path that
/// already ends in `/v1/traces` stays as it is.
#[must_use]
pub fn endpoint(base: &str) -> Option<Url> {
    let mut url: Url = base.trim().parse().ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    let path = url.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        let path = format!("{path}{PATH}");
        url.set_path(&path);
    }
    Some(url)
}

/// The header of a request, if it can be one.
#[must_use]
pub fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value.reveal()).ok()?;
    value.set_sensitive(true);
    Some((name.parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_becomes_the_url_of_traces_and_such_a_url_stays() {
        let url = |base: &str| endpoint(base).map(String::from);
        for (base, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://otlp.example.com/otlp",
                "https://otlp.example.com/otlp/v1/traces",
            ),
            ("http://tempo:4318/v1/traces", "http://tempo:4318/v1/traces"),
        ] {
            assert_eq!(url(base).as_deref(), Some(expected));
        }
        for base in ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://", ""] {
            assert_eq!(url(base), None, "{base}");
        }
    }

    #[test]
    fn what_cannot_be_a_header_is_none() {
        assert!(header("x-team", &Secret::new("sms")).is_some());
        assert!(header("x team", &Secret::new("sms")).is_none());
        assert!(header("x-team", &Secret::new("a\nb")).is_none());
    }
}
