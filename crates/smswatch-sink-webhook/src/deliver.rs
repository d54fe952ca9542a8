//! One webhook: the request, and what its failure means.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Url, redirect};
use smswatch_core::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoWishes, Probe, Receipt, Sink, SinkContext,
};
use smswatch_model::Notification;

use crate::body::Rests;
use crate::redact::Redactor;
use crate::resolve::{Forbidden, PublicOnly};
use crate::sign::Signer;
use crate::{Format, WebhookConfig, answer, probe, render};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Posts notifications as signed JSON.
pub struct WebhookSink {
    client: Client,
    /// The request without what differs between attempts.
    template: Request,
    format: Format,
    signer: Signer,
    redactor: Redactor,
    rests: Rests,
}

impl fmt::Debug for WebhookSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebhookSink")
            .field(
                "origin",
                &self.template.url().origin().ascii_serialization(),
            )
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl ConfiguredSink for WebhookSink {
    type Config = WebhookConfig;
    type Wishes = NoWishes;

    /// Makes the sink; the process has a TLS provider of rustls by then.
    fn configure(config: WebhookConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let url = config.checked_url()?;
        let signer = config.signer()?;
        let headers = config.checked_headers()?;
        // Nothing could ever be sent there, so it is no configuration.
        if let Some(address) = literal_address(&url).filter(|_| !config.allow_private) {
            Forbidden::check(address).map_err(|forbidden| InvalidConfig::at("url", forbidden))?;
        }
        let client = client(&url, config.allow_private, &context.user_agent)
            .map_err(|error| InvalidConfig::new(error.without_url()))?;
        let redactor = config.redactor(&url);
        let mut template = client
            .request(Method::POST, url)
            .build()
            .map_err(|error| InvalidConfig::at("url", error.without_url()))?;
        // An `authorization` among the operator's headers outdoes the user in the URL.
        template.headers_mut().extend(headers);
        Ok(Self {
            client,
            template,
            format: config.format,
            signer,
            redactor,
            rests: Rests::default(),
        })
    }
}

#[async_trait]
impl Sink for WebhookSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let request = self.request(notification, SystemTime::now());
        match self.client.execute(request).await {
            Ok(response) => answer::judge(response, &self.redactor, &self.rests).await,
            Err(error) => Err(explain(error)),
        }
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let hook = self.template.url();
        match self.client.head(probe::root(hook)).send().await {
            Ok(_) => Ok(Probe::Answered(format!("{} answers", probe::address(hook)))),
            Err(error) => Err(explain(error)),
        }
    }
}

impl WebhookSink {
    /// The whole request of an attempt made `now`.
    fn request(&self, notification: &Notification, now: SystemTime) -> Request {
        let id = notification.delivery_id.as_str();
        let timestamp = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            .to_string();
        let body = render::body(self.format, notification);
        let signature = self.signer.sign(id, &timestamp, &body);
        let mut request = self
            .template
            .try_clone()
            .expect("a request without a body can be copied");
        let headers = request.headers_mut();
        let value = |text: String| {
            HeaderValue::try_from(text).expect("ids, digits and base64 are visible ASCII")
        };
        headers.insert(WEBHOOK_ID, value(id.to_owned()));
        headers.insert(WEBHOOK_TIMESTAMP, value(timestamp));
        if let Some(signature) = signature {
            headers.insert(WEBHOOK_SIGNATURE, value(signature));
        }
        *request.body_mut() = Some(body.into());
        request
    }
}

/// The client of one receiver, with a pool of kept connections.
fn client(url: &Url, allow_private: bool, user_agent: &str) -> reqwest::Result<Client> {
    let mut client = Client::builder()
        .user_agent(user_agent)
        .redirect(redirect::Policy::none())
        // Core alone decides what is tried again.
        .retry(reqwest::retry::never())
        // A proxy would resolve names itself, behind the back of the check of addresses.
        .no_proxy();
    if !allow_private {
        client = client.dns_resolver(Arc::new(PublicOnly));
    }
    if url.scheme() == "http" {
        // Without redirects no other scheme comes up, so a machine without certificates will do.
        client = client.tls_certs_only([]);
    }
    client.build()
}

/// The address in the URL, which no resolver ever sees.
fn literal_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

/// What it means that there was no answer.
fn explain(error: reqwest::Error) -> DeliveryError {
    let error = error.without_url();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(forbidden) = inner.downcast_ref::<Forbidden>() {
            return DeliveryError::permanent(forbidden.to_string());
        }
        cause = inner.source();
    }
    let what = if error.is_connect() {
        "could not connect to the receiver"
    } else {
        "the receiver gave no answer"
    };
    DeliveryError::temporary(what).because(error)
}
