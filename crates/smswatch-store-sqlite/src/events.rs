//! The event log, handed to the threads that write and read the file.

use smswatch_plugin::async_trait;
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{
    DeliveryState, EventFilter, HistoryBounds, KeptAside, LeftStep, Log, LogEntry, LogPosition,
    LogSlice, Page, PageRequest, RouteOutcome, RouteStep, Shard, StoreError, Trimmed,
};

use crate::store::SqliteStore;
use crate::{counts, left, log};

#[async_trait]
impl Log for SqliteStore {
    async fn read_log(&self, _: Shard, limit: u32) -> Result<LogSlice, StoreError> {
        self.run(move |connection, now| log::read(connection, limit, now))
            .await
    }

    async fn route(&self, _: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError> {
        let step = step.clone();
        self.run(move |connection, now| log::route(connection, &step, now))
            .await
    }

    async fn left_entries(
        &self,
        _: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let after = after.cloned();
        self.run(move |connection, _| left::read(connection, after.as_ref(), limit))
            .await
    }

    async fn route_left(&self, _: Shard, step: &LeftStep) -> Result<RouteOutcome, StoreError> {
        let step = step.clone();
        self.run(move |connection, now| left::route(connection, &step, now))
            .await
    }

    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError> {
        self.read(log::set_aside).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError> {
        let (before, limit, filter) = (log::parse_cursor(page)?, page.limit, filter.clone());
        self.read(move |connection| log::page(connection, &filter, before, limit))
            .await
    }

    async fn events_before(&self, at: Timestamp) -> Result<String, StoreError> {
        self.read(move |connection| log::first_since(connection, at))
            .await
            .map(|position| position.to_string())
    }

    async fn log_end(&self, _: Shard) -> Result<LogPosition, StoreError> {
        self.read(log::end).await
    }

    async fn log_after(
        &self,
        _: Shard,
        after: &LogPosition,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let after = after.0.parse().unwrap_or(0);
        self.read(move |connection| log::after(connection, after, limit))
            .await
    }

    async fn trim(&self, _: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError> {
        let bounds = *bounds;
        self.run(move |connection, now| {
            let ended = |state, bound| counts::trim(connection, state, bound, now);
            counts::trim_counts(connection)?;
            Ok(Trimmed {
                events: log::trim(connection, &bounds.events, now)?
                    + left::trim(connection, &bounds.events, now)?,
                deliveries: ended(DeliveryState::Delivered, &bounds.deliveries)?
                    + ended(DeliveryState::Suppressed, &bounds.deliveries)?,
                dead: ended(DeliveryState::Dead, &bounds.dead)?,
            })
        })
        .await
    }
}
