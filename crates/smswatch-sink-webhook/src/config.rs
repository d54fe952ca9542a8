//! What an operator writes for a webhook, and what of it makes no sense.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_sink_kit::{HeaderName, HeaderValue, InvalidConfig, Secret};

use crate::sign::Signer;

/// Headers that belong to the protocol or to the sink.
const RESERVED: [&str; 9] = [
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "host",
    "te",
    "upgrade",
    "user-agent",
];

/// A webhook: notifications as signed JSON to a URL.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where notifications are posted: `http://` or `https://`. A user and password in it become
    /// basic authentication. Required; treated as a credential. Example:
    /// `https://crm.example.com/hooks/sms`.
    pub url: Secret,

    /// The key that signs: base64 behind `whsec_`, or any other text as it is. Default: none, then
    /// nothing is signed. Example: `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
    #[serde(default)]
    pub secret: Option<Secret>,

    /// Several keys, each of which signs, while receivers move from one to the next; instead of
    /// `secret`. Default: none. Example: `[whsec_bmV3IGtleQ, whsec_b2xkIGtleQ]`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub secrets: Option<Vec<Secret>>,

    /// Further headers; their values are treated as credentials. Not `content-type`, `user-agent`
    /// or any `webhook-…`, which the sink sets. Default: none. Example: `{authorization: Bearer x}`.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,

    /// The shape of the body: `standard` (Standard Webhooks) or `cloudevents` (CloudEvents 1.0,
    /// structured mode). Default: `standard`.
    #[serde(default)]
    pub format: Format,

    /// Whether the receiver may have a loopback, private, link-local or otherwise not public
    /// address. Default: `false`.
    #[serde(default)]
    pub allow_private: bool,
}

/// The shape of a webhook's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `type`, `timestamp` and `data`, as Standard Webhooks has them.
    #[default]
    Standard,
    /// A structured CloudEvents 1.0 JSON document.
    CloudEvents,
}

impl Format {
    /// The body's media type.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Standard => "application/json",
            Self::CloudEvents => "application/cloudevents+json",
        })
    }
}

impl WebhookConfig {
    /// The keys, made ready.
    pub(crate) fn signer(&self) -> Result<Signer, InvalidConfig> {
        let (key, secrets) = match (&self.secret, &self.secrets) {
            (Some(_), Some(_)) => {
                let what = "`secret` and `secrets` exclude each other; put all keys in `secrets`";
                return Err(InvalidConfig::at("secrets", what));
            }
            (Some(secret), None) => ("secret", std::slice::from_ref(secret)),
            (None, Some(secrets)) if secrets.is_empty() => {
                let what = "an empty list signs nothing; name a key, or leave `secrets` out";
                return Err(InvalidConfig::at("secrets", what));
            }
            (None, Some(secrets)) => ("secrets", secrets.as_slice()),
            (None, None) => return Ok(Signer::default()),
        };
        let mut signer = Signer::default();
        for secret in secrets {
            signer
                .add(secret)
                .map_err(|error| InvalidConfig::at(key, error))?;
        }
        Ok(signer)
    }

    /// All keys that sign.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Secret> {
        self.secret.iter().chain(self.secrets.iter().flatten())
    }

    /// The operator's headers, with names that can be sent.
    pub(crate) fn checked_headers(&self) -> Result<Vec<(HeaderName, String)>, InvalidConfig> {
        let mut headers: Vec<(HeaderName, String)> = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let invalid = |what: std::fmt::Arguments<'_>| InvalidConfig::at("headers", what);
            let header: HeaderName = name
                .parse()
                .map_err(|_| invalid(format_args!("`{name}` cannot be the name of a header")))?;
            if RESERVED.contains(&header.as_str()) || header.as_str().starts_with("webhook-") {
                return Err(invalid(format_args!(
                    "`{name}` is set by the webhook itself"
                )));
            }
            if headers.iter().any(|(known, _)| *known == header) {
                return Err(invalid(format_args!("`{name}` stands there twice")));
            }
            headers.push((header, value.reveal().to_owned()));
        }
        Ok(headers)
    }
}
