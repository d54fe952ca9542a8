//! One webhook: its headers, its signature and its body.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use smswatch_sink_kit::{
    Clock, ConfiguredSink, DeliveryError, HttpClient, InvalidConfig, NoOverrides, Notification,
    Probe, Receipt, Request, Sink, SinkContext, async_trait, header,
};

use crate::sign::Signer;
use crate::{Format, WebhookConfig, render};

/// Posts notifications as signed JSON.
pub struct WebhookSink {
    http: HttpClient,
    format: Format,
    signer: Signer,
    clock: Clock,
}

impl fmt::Debug for WebhookSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebhookSink")
            .field("http", &self.http)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl ConfiguredSink for WebhookSink {
    type Config = WebhookConfig;
    type Overrides = NoOverrides;

    fn configure(config: WebhookConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let signer = config.signer()?;
        let mut http = HttpClient::to("url", config.url.reveal(), context)
            .allow_private(config.allow_private)
            .headers("headers", config.checked_headers()?);
        for key in config.keys() {
            http = http.secret(key);
        }
        Ok(Self {
            http: http.build()?,
            format: config.format,
            signer,
            clock: context.clock.clone(),
        })
    }
}

#[async_trait]
impl Sink for WebhookSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let request = self.request(notification, self.clock.now());
        request.send().await?.receipt().await
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        self.http.probe().await
    }
}

impl WebhookSink {
    /// The whole request of an attempt made `now`.
    fn request(&self, notification: &Notification, now: SystemTime) -> Request<'_> {
        let id = notification.delivery_id.as_str();
        let timestamp = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            .to_string();
        let body = render::body(self.format, notification);
        let signature = self.signer.sign(id, &timestamp, &body);
        let request = self
            .http
            .post()
            .header(header::CONTENT_TYPE, self.format.content_type())
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp);
        let request = match signature {
            Some(signature) => request.header("webhook-signature", signature),
            None => request,
        };
        request.body(body)
    }
}
