//! The alerts that fire just now, with the figures of now.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use smswatch_model::{Event, EventKind};

use super::Service;
use super::error::ServiceError;
use crate::event::alert_event;
use crate::rate::{self, Rate, id_of};
use crate::store::{EventFilter, PageRequest, RecordId, Shard, StoreError, shard_of};

/// How many of the latest events of alerts are looked through, for what was told of those that fire.
const MOST_TOLD: usize = 200;

/// How many rates are read at once, and how many at most. Only an attribute of which there are very many values makes
/// more; of those beyond, the latest events tell.
const RATES_AT_ONCE: usize = 500;
const MOST_RATES: usize = 10_000;

impl Service {
    /// The alerts that fire, each as the latest event that told of it, with the figures of now; the latest first. That
    /// an alert fires is read from its rate, whatever has become of that event. Of more than ten thousand rates those
    /// beyond are known only if they are among the latest two hundred alerts that were told.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn firing_alerts(&self) -> Result<Vec<Event>, ServiceError> {
        let (told, known) = futures::try_join!(self.told_alerts(), self.firing_rates())?;
        let (mut rates, is_cut) = known;
        if is_cut {
            let others = told.keys().filter(|id| !rates.contains_key(*id));
            let others = self.rates(others).await?;
            rates.extend(others.into_iter().filter(|(_, rate)| rate.is_firing()));
        }
        Ok(self.as_events(rates, told))
    }

    /// The latest event that told that each alert fires.
    async fn told_alerts(&self) -> Result<BTreeMap<RecordId, Event>, ServiceError> {
        let filter = EventFilter {
            message_id: None,
            kind: Some(EventKind::AlertFiring),
        };
        let page = PageRequest {
            cursor: None,
            limit: MOST_TOLD,
        };
        let mut told = BTreeMap::new();
        for event in self.events_page(&filter, &page).await?.items {
            if let Some(id) = rate_of(&event) {
                told.entry(id).or_insert(event);
            }
        }
        Ok(told)
    }

    /// The rates whose alerts fire, and whether there are more rates than were read.
    async fn firing_rates(&self) -> Result<(BTreeMap<RecordId, Rate>, bool), ServiceError> {
        let mut firing = BTreeMap::new();
        let (mut cursor, mut n_read) = (None, 0);
        loop {
            let page = PageRequest {
                cursor,
                limit: RATES_AT_ONCE,
            };
            let records = self.context.store.records(rate::KIND, &page);
            let records = self.context.call("records", records).await?;
            n_read += records.items.len().max(1);
            let rates = records.items.into_iter();
            let rates = rates.filter_map(|record| Some((Rate::decode(&record)?, record.id)));
            let rates = rates.filter(|(rate, _)| rate.is_firing());
            firing.extend(rates.map(|(rate, id)| (id, rate)));
            cursor = records.next;
            if cursor.is_none() || n_read >= MOST_RATES {
                return Ok((firing, cursor.is_some()));
            }
        }
    }

    fn as_events(
        &self,
        rates: BTreeMap<RecordId, Rate>,
        mut told: BTreeMap<RecordId, Event>,
    ) -> Vec<Event> {
        let (now, provider) = (self.now(), self.context.provider);
        let firing = rates.into_iter().filter_map(|(id, rate)| {
            let rule = rate.rule.clone();
            let mut alert = rate.firing_alert(now)?;
            let told = told.remove(&id).filter(|event| {
                let told = event.alert.as_ref();
                told.is_some_and(|told| told.started_at == alert.started_at)
            });
            let Some(mut event) = told else {
                // Its event is too old to be kept.
                let started_at = alert.started_at;
                return Some(alert_event(
                    &rule,
                    id.as_str(),
                    alert,
                    None,
                    provider,
                    started_at,
                ));
            };
            if let Some(told) = event.alert.take() {
                alert.common = told.common;
            }
            event.alert = Some(alert);
            Some(event)
        });
        let mut firing: Vec<Event> = firing.collect();
        firing.sort_by_key(|event| std::cmp::Reverse(event.detected_at));
        firing
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
