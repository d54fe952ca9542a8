//! How an alert looks at a sink, without sending it.

use smswatch_model::{DeliveryId, Notification};

use super::Service;
use super::error::ServiceError;
use crate::codec;
use crate::sink::Preview;
use crate::store::{DeliveryFilter, PageRequest};

/// How an alert looks at a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkPreview {
    /// The delivery that is shown; `None` if the sink has none, and a test notification is shown.
    pub delivery: Option<DeliveryId>,
    /// How it looks.
    pub preview: Preview,
}

impl Service {
    /// Shows how the latest alert for a sink looks at its receiver, or how a test notification does if there is none;
    /// `None` when there is no such sink. Nothing is sent.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn preview_sink(&self, sink: &str) -> Result<Option<SinkPreview>, ServiceError> {
        let Some(unit) = self.sinks.get(sink) else {
            return Ok(None);
        };
        let latest = self.latest_notification(sink).await?;
        let delivery = latest.as_ref().map(|latest| latest.delivery_id.clone());
        let notification = latest.unwrap_or_else(|| self.test_notification(sink, 0));
        let notification = unit.shown(notification);
        // A sink may panic or take long: neither must hold up other requests.
        let shown = tokio::task::spawn_blocking(move || unit.host.preview(&notification));
        let preview = shown.await.unwrap_or_else(|error| {
            Preview::default().part("It cannot be shown", error.to_string())
        });
        Ok(Some(SinkPreview { delivery, preview }))
    }

    /// The notification of the latest delivery for a sink; `None` if this version cannot read it.
    async fn latest_notification(&self, sink: &str) -> Result<Option<Notification>, ServiceError> {
        let filter = DeliveryFilter {
            sink: Some(sink.to_owned()),
            ..DeliveryFilter::default()
        };
        let page = PageRequest {
            cursor: None,
            limit: 1,
        };
        let found = self.context.store.deliveries(&filter, &page);
        let found = self.context.call("deliveries", found).await?;
        let latest = found.items.into_iter().next();
        Ok(latest.and_then(|latest| codec::decode_notification(&latest.body).ok()))
    }
}
