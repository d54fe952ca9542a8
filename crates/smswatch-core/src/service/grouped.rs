//! What groups tell of a message: their deliveries, which lie elsewhere than its own, and what still waits.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use futures::future::try_join_all;
use smswatch_model::{Event, MessageId};

use super::Service;
use super::error::ServiceError;
use crate::marks::{Grouped, Marks};
use crate::rules::RuleVerdict;
use crate::store::{DeliveryFilter, DeliveryState, Page, PageRequest, StoredDelivery};

impl Service {
    /// The marks of one message.
    pub(super) async fn marks_of(&self, message: &MessageId) -> Result<Marks, ServiceError> {
        let shard = self.context.shard_of(message);
        let messages = BTreeSet::from([message.clone()]);
        Ok(Marks::read(&self.context, shard, &messages).await?)
    }

    /// A page of the deliveries that tell of messages: first those with which groups did, then their own.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(super) async fn with_grouped(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, ServiceError> {
        let mut known = BTreeSet::new();
        for message in &filter.message_ids {
            let marks = self.marks_of(message).await?;
            let grouped = marks.of(message).into_iter().flat_map(|mark| &mark.grouped);
            known.extend(grouped.map(|grouped| grouped.delivery.clone()));
        }
        let (n_shown, mut own) = (shown(page.cursor.as_deref()), page.clone());
        let mut items = Vec::new();
        if let Some(n_shown) = n_shown {
            let found = known.iter().map(|id| self.delivery(id));
            let found = try_join_all(found).await?.into_iter().flatten();
            let mut found: Vec<StoredDelivery> = found
                .filter(|delivery| is_wanted(filter, delivery))
                .collect();
            found.sort_by_key(|delivery| Reverse(delivery.created_at));
            items.extend(found.into_iter().skip(n_shown).take(page.limit));
            if items.len() == page.limit {
                let next = Some(format!("{GROUPED}{}", n_shown + items.len()));
                return Ok(Page { items, next });
            }
            own = PageRequest {
                cursor: None,
                limit: page.limit - items.len(),
            };
        }
        let deliveries = self.context.store.deliveries(filter, &own);
        let own = self.context.call("deliveries", deliveries).await?;
        let others = own.items.into_iter();
        items.extend(others.filter(|delivery| !known.contains(&delivery.id)));
        Ok(Page {
            items,
            next: own.next,
        })
    }

    /// Says of rules whose groups an event went into what became of it there.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(super) async fn tell_of_groups(
        &self,
        marks: &Marks,
        event: &Event,
        verdicts: &mut [RuleVerdict],
    ) -> Result<(), ServiceError> {
        let message = event.message.message_id.as_ref();
        let mark = message.and_then(|message| marks.of(message));
        let grouped = mark.into_iter().flat_map(|mark| &mark.grouped);
        for grouped in grouped.filter(|grouped| grouped.events.contains(&event.event_id)) {
            let note = self.note_of(grouped).await?;
            for verdict in verdicts
                .iter_mut()
                .filter(|verdict| verdict.rule == grouped.rule)
            {
                verdict.because.push_str(&note);
            }
        }
        Ok(())
    }

    async fn note_of(&self, grouped: &Grouped) -> Result<String, ServiceError> {
        Ok(match self.delivery(&grouped.delivery).await? {
            None => "; it waits in a group".to_owned(),
            Some(delivery) => format!("; its group was told with delivery {}", delivery.id),
        })
    }
}

/// What a cursor begins with while deliveries of groups are listed, before how many were.
const GROUPED: &str = "grouped:";

/// How many deliveries of groups were listed before; `None` if all were.
fn shown(cursor: Option<&str>) -> Option<usize> {
    match cursor {
        None => Some(0),
        Some(cursor) => cursor.strip_prefix(GROUPED)?.parse().ok(),
    }
}

/// Whether a delivery is what a filter wants, apart from its messages.
fn is_wanted(filter: &DeliveryFilter, delivery: &StoredDelivery) -> bool {
    let changed_at = match (delivery.state, delivery.attempts.last()) {
        (DeliveryState::Pending, _) | (_, None) => delivery.queued_at,
        (_, Some(attempt)) => attempt.at,
    };
    filter.state.is_none_or(|state| state == delivery.state)
        && filter
            .sink
            .as_ref()
            .is_none_or(|sink| *sink == delivery.sink)
        && filter
            .rule
            .as_ref()
            .is_none_or(|rule| *rule == delivery.rule)
        && filter.since.is_none_or(|since| since <= changed_at)
}
