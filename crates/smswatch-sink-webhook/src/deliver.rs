//! One webhook: the request, and what its failure means.

use std::error::Error as _;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use smswatch_model::Notification;
use smswatch_outbound::{ClientOptions, HttpClient, Route, SetupError, address};
use smswatch_plugin::Redactor;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoOverrides, Probe, Receipt, Sink, SinkContext,
};

use crate::body::Rests;
use crate::resolve::{Forbidden, PublicOnly};
use crate::sign::Signer;
use crate::{Format, WebhookConfig, answer, probe, render};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Posts notifications as signed JSON.
pub struct WebhookSink {
    http: HttpClient,
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
    type Overrides = NoOverrides;

    /// Makes the sink; the process has a TLS provider of rustls by then.
    fn configure(config: WebhookConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let url = config.checked_url()?;
        let signer = config.signer()?;
        let headers = config.checked_headers()?;
        let route = Route::new(&context.proxy);
        // Nothing could ever be sent there, so it is no configuration.
        if let Some(address) = known_address(&url).filter(|_| !config.allow_private) {
            Forbidden::check(address).map_err(|forbidden| InvalidConfig::at("url", forbidden))?;
        }
        let http = client(&url, route, config.allow_private, &context.user_agent)
            .map_err(InvalidConfig::new)?;
        let redactor = config.redactor();
        let mut template = http
            .client()
            .request(Method::POST, url)
            .build()
            .map_err(|error| InvalidConfig::at("url", error.without_url()))?;
        // An `authorization` among the operator's headers outdoes the user in the URL.
        template.headers_mut().extend(headers);
        Ok(Self {
            http,
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
        match self.http.client().execute(request).await {
            Ok(response) => answer::judge(response, &self.redactor, &self.rests).await,
            Err(error) => Err(self.explain(&error)),
        }
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let hook = self.template.url();
        let asked = self.http.client().head(probe::root(hook));
        match asked.send().await {
            Ok(_) => Ok(Probe::Answered(format!("{} answers", address(hook)))),
            Err(error) => Err(self.explain(&error)),
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

    /// What it means that there was no answer.
    fn explain(&self, error: &reqwest::Error) -> DeliveryError {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(forbidden) = inner.downcast_ref::<Forbidden>() {
                return DeliveryError::permanent(forbidden.to_string());
            }
            cause = inner.source();
        }
        DeliveryError::temporary(self.http.explain(error, self.template.url()))
    }
}

/// The client of one receiver, with a pool of kept connections.
fn client(
    url: &Url,
    route: Route,
    allow_private: bool,
    user_agent: &str,
) -> Result<HttpClient, SetupError> {
    let resolver = (!allow_private).then(|| {
        // Where a proxy connects to cannot be seen from here; the proxy itself is the operator's own.
        let proxy = route.hop_to(url).map(|hop| hop.host().to_owned());
        Arc::new(PublicOnly::except(proxy))
    });
    let options = ClientOptions {
        urls: &[url],
        route,
        user_agent,
        follows_redirects: false,
    };
    HttpClient::new(options, |client| match resolver {
        Some(resolver) => client.dns_resolver(resolver),
        None => client,
    })
}

/// The address that is known without looking up a name: no resolver ever sees it.
fn known_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let name = host.trim_end_matches('.');
    // A proxy would look it up on its own machine.
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(IpAddr::from(Ipv4Addr::LOCALHOST));
    }
    bare.unwrap_or(host).parse().ok()
}
