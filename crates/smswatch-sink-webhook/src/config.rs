//! What an operator writes for a webhook, and what of it makes no sense.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_sink_kit::header::AUTHORIZATION;
use smswatch_sink_kit::{HeaderName, HeaderValue, InvalidConfig, Method, Secret, Url};

use crate::shape::Shape;
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

    /// The key that signs: base64 behind `whsec_`, a private key of Ed25519 behind `whsk_`, or any other
    /// text as it is. Default: none, then nothing is signed. Example: `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
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

    /// The user of basic authentication, with `password`; instead of one in the URL. Default: none.
    #[serde(default)]
    pub username: Option<String>,

    /// The password of basic authentication. Default: none.
    #[serde(default)]
    pub password: Option<Secret>,

    /// The shape of the body: `standard` (Standard Webhooks) or `cloudevents` (CloudEvents 1.0,
    /// structured mode). Default: `standard`.
    #[serde(default)]
    pub format: Format,

    /// A body of your own, in the language of minijinja, in place of `format`. Its variables are the
    /// fields of a payload's `data`, and `type`, `timestamp`, `delivery_id` and `data` itself. Treated as
    /// a credential, since it may hold one. Default: none. Example: `{"text": "{{ title }}"}`.
    #[serde(default)]
    pub body: Option<Secret>,

    /// The media type of `body`: what it makes must be JSON if this is JSON, and values are escaped as
    /// this needs it. Default: `application/json`.
    #[serde(default)]
    pub content_type: Option<String>,

    /// The method of requests: `POST`, `PUT` or `PATCH`. Default: `POST`.
    #[serde(default)]
    pub method: RequestMethod,

    /// Statuses that mean delivered beside 2xx, such as a 409 of a receiver that has the notification
    /// already. Default: none. Example: `[409]`.
    #[serde(default)]
    pub delivered: Vec<Status>,

    /// Statuses that mean that the receiver will never take this notification, beside 400, 405, 413,
    /// 415 and 422. Default: none. Example: `[404]`.
    #[serde(default)]
    pub never: Vec<Status>,

    /// Whether bodies of more than 1 KiB are sent in gzip. Default: `false`.
    #[serde(default)]
    pub gzip: bool,

    /// Certificates, in PEM, with which the receiver's is checked in place of those of this machine.
    /// Usually written as `ca_file`. Default: those of this machine.
    #[serde(default)]
    pub ca: Option<Secret>,

    /// The certificate, in PEM, that the receiver is shown, with `client_key`. Usually written as
    /// `client_certificate_file`. Default: none.
    #[serde(default)]
    pub client_certificate: Option<Secret>,

    /// The key of `client_certificate`, in PEM. Usually written as `client_key_file`. Default: none.
    #[serde(default)]
    pub client_key: Option<Secret>,

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

/// The method of a webhook's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestMethod {
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
}

impl From<RequestMethod> for Method {
    fn from(method: RequestMethod) -> Self {
        match method {
            RequestMethod::Post => Self::POST,
            RequestMethod::Put => Self::PUT,
            RequestMethod::Patch => Self::PATCH,
        }
    }
}

/// The status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Status(#[schemars(range(min = 200, max = 599))] u16);

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

    /// The body of the operator's own, tried; `None` if `format` says what is sent.
    pub(crate) fn shape(&self) -> Result<Option<Shape>, InvalidConfig> {
        match (&self.body, &self.content_type) {
            (None, None) => Ok(None),
            (None, Some(_)) => {
                let what = "this is for a `body` of your own; `format` has a media type already";
                Err(InvalidConfig::at("content_type", what))
            }
            (Some(_), _) if self.format != Format::Standard => {
                let what = "`body` and `format` exclude each other: leave one of them out";
                Err(InvalidConfig::at("format", what))
            }
            (Some(body), content_type) => {
                Shape::new(body.reveal(), content_type.as_deref()).map(Some)
            }
        }
    }

    /// Those of the operator's statuses that mean delivered, and those that mean never.
    pub(crate) fn checked_statuses(&self) -> Result<(Vec<u16>, Vec<u16>), InvalidConfig> {
        if let Some(status) = self
            .never
            .iter()
            .find(|status| self.delivered.contains(status))
        {
            let what = format!("{} is in `delivered`, too", status.0);
            return Err(InvalidConfig::at("never", what));
        }
        let numbers = |statuses: &[Status]| statuses.iter().map(|status| status.0).collect();
        Ok((numbers(&self.delivered), numbers(&self.never)))
    }

    /// The header of basic authentication, if the operator names a user.
    pub(crate) fn login(&self) -> Result<Option<(HeaderName, String)>, InvalidConfig> {
        let (user, password) = match (&self.username, &self.password) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                let what = "a password is of no use without `username`";
                return Err(InvalidConfig::at("password", what));
            }
            (Some(user), password) => (user, password.as_ref().map_or("", Secret::reveal)),
        };
        let wrong = |what| Err(InvalidConfig::at("username", what));
        if user.contains(':') {
            return wrong("a user of basic authentication has no `:` in its name");
        }
        let has_login = |url: Url| !url.username().is_empty() || url.password().is_some();
        if self.url.reveal().parse().is_ok_and(has_login) {
            return wrong("the URL has a user already: leave one of them out");
        }
        let mut names = self.headers.keys();
        if names.any(|name| name.eq_ignore_ascii_case(AUTHORIZATION.as_str())) {
            return wrong("`headers` has an `authorization` already: leave one of them out");
        }
        let login = STANDARD.encode(format!("{user}:{password}"));
        Ok(Some((AUTHORIZATION, format!("Basic {login}"))))
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
