//! Deliveries that are looked up: by id, by message, and page by page.

use futures::future::{join_all, try_join_all};
use smswatch_plugin::model::{DeliveryId, MessageId};
use smswatch_plugin::store::{
    DeliveryFilter, DeliveryState, InvalidCursor, Page, PageRequest, Shard, StoreError,
    StoredDelivery, shard_of,
};

use super::RedisStore;
use crate::delivery::{read, read_known};
use crate::page::Place;

/// How many deliveries one page looks at while it looks for those of a rule: what it finds by then is
/// a page, and its cursor goes on.
const MOST_LOOKED_AT: usize = 4_000;

/// How many of them one call of the script looks at: Redis does nothing else meanwhile.
const LOOKED_AT_ONCE: usize = 1_000;

/// How many deliveries one call notes the messages of.
const NOTED_AT_ONCE: usize = 500;

/// A score as a cursor may name it.
fn is_score(text: &str) -> bool {
    text.is_empty() || text.parse::<f64>().is_ok_and(f64::is_finite)
}

impl RedisStore {
    /// A delivery's name does not say where it is: all shards are asked at once.
    pub(super) async fn find_delivery(
        &self,
        id: &DeliveryId,
    ) -> Result<Option<StoredDelivery>, StoreError> {
        let asked = (0..self.shards).map(|shard| async move {
            let mut call = self.call(&self.scripts.delivery, Shard(shard));
            call.arg(id.as_str());
            self.invoke::<Vec<Vec<u8>>>(&call).await
        });
        let mut failed = None;
        for answer in join_all(asked).await {
            match answer {
                Ok(row) if row.is_empty() => {}
                Ok(row) => return read(&row).map(Some),
                Err(error) => failed = Some(error),
            }
        }
        // It may be in a shard that does not answer.
        failed.map_or(Ok(None), Err)
    }

    pub(super) async fn delivery_page(
        &self,
        filter: &DeliveryFilter,
        request: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError> {
        if !filter.message_ids.is_empty() {
            return self.page_of_messages(filter, request).await;
        }
        let since = filter.since.map(|since| since.as_millis().to_string());
        let mut place = match &request.cursor {
            Some(text) => Place::parse(text, 3)?,
            None => Place::start(0, 3),
        };
        if !is_score(&place.inner[1]) {
            return Err(InvalidCursor.into());
        }
        let (mut items, mut n_looked_at) = (Vec::new(), 0);
        while place.shard < self.shards
            && items.len() < request.limit
            && n_looked_at < MOST_LOOKED_AT
        {
            let mut call = self.call(&self.scripts.deliveries, Shard(place.shard));
            call.arg(request.limit - items.len())
                .arg(filter.state.map_or("", DeliveryState::as_str))
                .arg(filter.sink.as_deref().unwrap_or_default());
            for part in &place.inner {
                call.arg(part);
            }
            call.arg(filter.rule.as_deref().unwrap_or_default())
                .arg(since.as_deref().unwrap_or("-inf"))
                .arg(LOOKED_AT_ONCE);
            let (has_more, list, score, id, found, left): (
                u8,
                String,
                String,
                String,
                Vec<Vec<u8>>,
                usize,
            ) = self.invoke(&call).await?;
            n_looked_at += LOOKED_AT_ONCE.saturating_sub(left);
            items.extend(read_known(&found)?);
            place = match has_more {
                0 => Place::start(place.shard + 1, 3),
                _ => Place {
                    shard: place.shard,
                    inner: vec![list, score, id],
                },
            };
        }
        let next = (place.shard < self.shards).then(|| place.text());
        Ok(Page { items, next })
    }

    /// Those of a message lie in its shard, and are noted there under it: one call reads those of all
    /// messages of a shard that follow one another.
    async fn page_of_messages(
        &self,
        filter: &DeliveryFilter,
        request: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError> {
        let messages = &filter.message_ids;
        let shard_of = |id: &MessageId| shard_of(id.to_lowercase().as_str(), self.shards);
        let place = match &request.cursor {
            Some(text) => Place::parse(text, 3)?,
            None => Place::start(0, 3),
        };
        let [n_done, score, id] = place.inner.as_slice() else {
            return Err(InvalidCursor.into());
        };
        let n_done: usize = match &request.cursor {
            Some(_) => n_done.parse().map_err(|_| InvalidCursor)?,
            None => 0,
        };
        let Some(first) = messages.get(n_done).filter(|_| is_score(score)) else {
            return Err(InvalidCursor.into());
        };
        let shard = shard_of(first);
        let since = filter.since.map(|since| since.as_millis().to_string());
        let mut call = self.call(&self.scripts.deliveries_of, shard);
        call.arg(request.limit)
            .arg(filter.state.map_or("", DeliveryState::as_str))
            .arg(filter.sink.as_deref().unwrap_or_default())
            .arg(filter.rule.as_deref().unwrap_or_default())
            .arg(since.as_deref().unwrap_or("-inf"))
            .arg(score)
            .arg(id);
        let of_shard = messages[n_done..].iter();
        for message_id in of_shard.take_while(|id| shard_of(id) == shard) {
            call.arg(message_id.as_str());
        }
        let (n_read, score, id, found): (usize, String, String, Vec<Vec<u8>>) =
            self.invoke(&call).await?;
        let n_done = n_done + n_read;
        let next = Place {
            shard: shard.0,
            inner: vec![n_done.to_string(), score, id],
        };
        Ok(Page {
            items: read_known(&found)?,
            next: (n_done < messages.len()).then(|| next.text()),
        })
    }

    /// Notes of what an earlier version queued which messages it tells of, once.
    pub(super) async fn note_deliveries(&self) -> Result<(), StoreError> {
        let noted = (0..self.shards).map(|shard| self.note_deliveries_of(Shard(shard)));
        try_join_all(noted).await.map(drop)
    }

    async fn note_deliveries_of(&self, shard: Shard) -> Result<(), StoreError> {
        let (mut n_done, mut from, mut skip) = (0_i64, String::new(), 0_u64);
        while n_done >= 0 {
            let mut call = self.call(&self.scripts.note_deliveries, shard);
            call.arg(n_done).arg(&from).arg(skip).arg(NOTED_AT_ONCE);
            (n_done, from, skip) = self.invoke(&call).await?;
        }
        Ok(())
    }
}
