//! What may have been given up by a step whose answer was lost: nothing else would tell of it.

use std::sync::{Mutex, PoisonError};

use smswatch_model::DeliveryId;

use super::{Deliver, REASON, SinkUnit, told};
use crate::store::{DeadLetter, DeliveryState, StoreError, StoredDelivery};

/// Deliveries of which it is not known whether they were given up, each with whether that would be news.
#[derive(Debug, Default)]
pub(super) struct Unsure(Mutex<Vec<(DeliveryId, bool)>>);

impl Unsure {
    /// The step that was to give these up failed.
    pub(super) fn add(&self, step: &[DeadLetter], is_news: bool) {
        let ids = step.iter().map(|one| (one.id.clone(), is_news));
        self.lock().extend(ids);
    }

    /// Looks what became of each, and tells of those that were given up. What cannot be read is looked at again.
    pub(super) async fn settle(&self, stage: &Deliver, unit: &SinkUnit) {
        let all = std::mem::take(&mut *self.lock());
        let (mut news, mut others) = (0, 0);
        for (id, is_news) in all {
            let delivery = stage.context.store.delivery(&id);
            match stage.context.call("delivery", delivery).await {
                Ok(Some(found)) if was_given_up(&found) => match is_news {
                    true => news += 1,
                    false => others += 1,
                },
                // Another version wrote it, or what is there: there is no more to learn.
                Ok(_) | Err(StoreError::Unexpected(_) | StoreError::Cursor(_)) => {}
                Err(StoreError::Unavailable(_)) => self.lock().push((id, is_news)),
            }
        }
        told(stage, unit, news, true);
        told(stage, unit, others, false);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(DeliveryId, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it died to make room.
fn was_given_up(delivery: &StoredDelivery) -> bool {
    let last = delivery.attempts.last();
    delivery.state == DeliveryState::Dead && last.is_some_and(|last| last.detail == REASON)
}
