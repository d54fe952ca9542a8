//! One webhook: its headers, its signature and its body.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use smswatch_sink_kit::{
    Clock, ConfiguredSink, DeliveryError, HttpClient, InvalidConfig, Method, NoOverrides,
    Notification, Preview, Probe, Receipt, Request, Sink, SinkContext, async_trait, header,
};

use crate::shape::Shape;
use crate::sign::Signer;
use crate::tls::with_certificates;
use crate::{Format, WebhookConfig, compress, render};

/// Posts notifications as signed JSON.
pub struct WebhookSink {
    http: HttpClient,
    format: Format,
    shape: Option<Shape>,
    method: Method,
    delivered: Vec<u16>,
    never: Vec<u16>,
    gzip: bool,
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
        let (delivered, never) = config.checked_statuses()?;
        let mut http = HttpClient::to("url", config.url.reveal(), context)
            .allow_private(config.allow_private)
            .headers("headers", config.checked_headers()?)
            .headers("password", config.login()?);
        let shape = config.shape()?;
        for key in config.keys().chain(shape.iter().flat_map(Shape::keys)) {
            http = http.secret(key);
        }
        let http = with_certificates(http, &config)?;
        Ok(Self {
            http: http.build()?,
            format: config.format,
            shape,
            method: config.method.into(),
            delivered,
            never,
            gzip: config.gzip,
            signer,
            clock: context.clock.clone(),
        })
    }
}

#[async_trait]
impl Sink for WebhookSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let request = self.request(notification, self.clock.now())?;
        let answer = request.send().await?;
        let answer = answer.taken_by(self.delivered.iter().copied());
        answer.never(self.never.iter().copied()).receipt().await
    }

    fn preview(&self, notification: &Notification) -> Preview {
        let shown = match self.body(notification) {
            Ok(body) => readable(&body),
            Err(error) => error.detail(),
        };
        // A visitor who may see a preview need not see the receiver's keys.
        Preview::default().part("Body", self.http.redactor().clean(&shown))
    }

    async fn probe(&self) -> Result<Probe, DeliveryError> {
        self.http.probe().await
    }
}

/// A body as a person reads it: JSON in lines.
fn readable(body: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let json = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
    json.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

impl WebhookSink {
    /// The body that tells `notification`.
    fn body(&self, notification: &Notification) -> Result<Vec<u8>, DeliveryError> {
        let Some(shape) = &self.shape else {
            return Ok(render::body(self.format, notification));
        };
        let redactor = self.http.redactor();
        let body = shape.body(notification);
        body.map_err(|trouble| DeliveryError::temporary(redactor.clean(&trouble)))
    }

    /// The whole request of an attempt made `now`.
    fn request(
        &self,
        notification: &Notification,
        now: SystemTime,
    ) -> Result<Request<'_>, DeliveryError> {
        let id = notification.delivery_id.as_str();
        let timestamp = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            .to_string();
        let body = self.body(notification)?;
        let content_type = match &self.shape {
            Some(shape) => shape.content_type().clone(),
            None => self.format.content_type(),
        };
        let signature = self.signer.sign(id, &timestamp, &body);
        let mut request = self
            .http
            .request(self.method.clone(), self.http.url().clone())
            .header(header::CONTENT_TYPE, content_type)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp);
        if let Some(signature) = signature {
            request = request.header("webhook-signature", signature);
        }
        // Receivers unpack a body before their programs see it, so what is signed is the body itself.
        let packed = self.gzip.then(|| compress::gzip(&body)).flatten();
        Ok(match packed {
            Some(packed) => request
                .header(header::CONTENT_ENCODING, "gzip")
                .body(packed),
            None => request.body(body),
        })
    }
}
