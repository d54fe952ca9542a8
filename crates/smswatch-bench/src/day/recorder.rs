//! Sinks that note what they are told, and when.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::Notification;
use smswatch_plugin::sink::{DeliveryError, Receipt, Sink};
use tokio::time::Instant;

/// A notification that arrived.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Counted from the beginning of the day.
    pub(super) at: Duration,
    pub(super) sink: &'static str,
    pub(super) notification: Notification,
}

/// What all sinks were told, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Book(Arc<Mutex<Vec<Told>>>);

impl Book {
    pub(super) fn all(&self) -> Vec<Told> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A sink that takes everything.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) name: &'static str,
    pub(super) began: Instant,
    pub(super) book: Book,
}

#[async_trait]
impl Sink for Recorder {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let told = Told {
            at: self.began.elapsed(),
            sink: self.name,
            notification: notification.clone(),
        };
        let mut told_before = self.book.0.lock().unwrap_or_else(PoisonError::into_inner);
        told_before.push(told);
        Ok(Receipt::new("noted"))
    }
}
