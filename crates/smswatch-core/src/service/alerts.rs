//! The alerts that fire just now, with the figures of now.

use std::collections::{BTreeMap, HashSet};

use futures::future::try_join_all;
use smswatch_model::{Event, EventKind};

use super::Service;
use super::error::ServiceError;
use crate::rate::{self, Rate, id_of};
use crate::store::{EventFilter, PageRequest, RecordId, Shard, StoreError, shard_of};

/// How many of the latest events of alerts are looked through: what more there is would not be read anyway.
const MOST: usize = 200;

impl Service {
    /// The alerts that fire, each as the latest event that told of it, with the figures of now; the latest first. What
    /// the latest two hundred such events do not tell of is left out.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn firing_alerts(&self) -> Result<Vec<Event>, ServiceError> {
        let filter = EventFilter {
            message_id: None,
            kind: Some(EventKind::AlertFiring),
        };
        let page = PageRequest {
            cursor: None,
            limit: MOST,
        };
        let mut seen = HashSet::new();
        let told = self.events_page(&filter, &page).await?.items.into_iter();
        let told = told.filter_map(|event| Some((rate_of(&event)?, event)));
        let told: Vec<(RecordId, Event)> = told.filter(|(id, _)| seen.insert(id.clone())).collect();
        let mut rates = self.rates(told.iter().map(|(id, _)| id)).await?;
        let now = self.now();
        let firing = told.into_iter().filter_map(|(id, mut event)| {
            let mut alert = rates.remove(&id)?.firing_alert(now)?;
            if let Some(told) = event.alert.take() {
                alert.common = told.common;
            }
            event.alert = Some(alert);
            Some(event)
        });
        Ok(firing.collect())
    }

    /// The rates of these records, those of a shard in one call.
    async fn rates(
        &self,
        ids: impl Iterator<Item = &RecordId>,
    ) -> Result<BTreeMap<RecordId, Rate>, ServiceError> {
        let context = &self.context;
        let mut shards: BTreeMap<Shard, Vec<RecordId>> = BTreeMap::new();
        for id in ids {
            let shard = shard_of(id.as_str(), context.store.shard_count());
            shards.entry(shard).or_default().push(id.clone());
        }
        let loads = shards.into_iter().map(|(shard, ids)| async move {
            let load = context.store.load_records(shard, rate::KIND, &ids);
            let records = context.call("load_records", load).await?;
            let rates = ids.into_iter().zip(records);
            let rates = rates.filter_map(|(id, record)| Some((id, Rate::decode(&record?)?)));
            Ok::<_, StoreError>(rates.collect::<Vec<_>>())
        });
        Ok(try_join_all(loads).await?.into_iter().flatten().collect())
    }
}

/// The record of the rate that an event is about.
fn rate_of(event: &Event) -> Option<RecordId> {
    let rule = &event.about.as_ref()?.name;
    Some(id_of(rule, &event.alert.as_ref()?.by))
}
