//! Records, handed to the thread that owns the file.

use std::time::Duration;

use smswatch_plugin::async_trait;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    ClaimedRecords, ClaimedWatches, CommitStep, Committed, KeptRecord, LeaseId, Loaded, Memo,
    NewEntry, Page, PageRequest, RecordCommit, RecordId, RecordKind, Records, RecordsCommitted,
    Shard, StoreError, WatchPriority,
};

use crate::store::SqliteStore;
use crate::{kept, memos, watches};

#[async_trait]
impl Records for SqliteStore {
    async fn load(&self, _: Shard, ids: &[MessageId]) -> Result<Vec<Loaded>, StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection, _| watches::load(connection, &ids))
            .await
    }

    async fn claim(
        &self,
        _: Shard,
        priority: WatchPriority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedWatches, StoreError> {
        self.run(move |connection, now| watches::claim(connection, priority, limit, lease, now))
            .await
    }

    async fn release(&self, _: Shard, lease: LeaseId) -> Result<(), StoreError> {
        self.run(move |connection, now| watches::release(connection, &lease, now))
            .await
    }

    async fn recall(
        &self,
        _: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        self.run(move |connection, now| watches::recall(connection, priority, furthest, now))
            .await
    }

    async fn put_aside(
        &self,
        _: Shard,
        _: WatchPriority,
        ids: &[MessageId],
    ) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection, now| watches::put_aside(connection, &ids, now))
            .await
    }

    async fn commit(&self, _: Shard, step: &CommitStep) -> Result<Committed, StoreError> {
        let step = step.clone();
        self.run(move |connection, now| watches::commit(connection, &step, now))
            .await
    }

    async fn watches(&self, page: &PageRequest) -> Result<Page<(MessageId, Record)>, StoreError> {
        let (after, limit) = (watches::parse_cursor(page)?, page.limit);
        self.read(move |connection| watches::page(connection, &after, limit))
            .await
    }

    async fn memo(&self, _: Shard, name: &str) -> Result<Option<Memo>, StoreError> {
        let name = name.to_owned();
        self.run(move |connection, _| memos::read(connection, &name))
            .await
    }

    async fn put_memo(
        &self,
        _: Shard,
        name: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.run(move |connection, now| {
            memos::write(connection, &name, expected, &value, &entries, now)
        })
        .await
    }

    async fn load_records(
        &self,
        _: Shard,
        kind: RecordKind,
        ids: &[RecordId],
    ) -> Result<Vec<Option<KeptRecord>>, StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection, _| kept::load(connection, kind, &ids))
            .await
    }

    async fn claim_records(
        &self,
        _: Shard,
        kind: RecordKind,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedRecords, StoreError> {
        self.run(move |connection, now| kept::claim(connection, kind, limit, lease, now))
            .await
    }

    async fn commit_records(
        &self,
        _: Shard,
        commits: &[RecordCommit],
    ) -> Result<RecordsCommitted, StoreError> {
        let commits = commits.to_vec();
        self.run(move |connection, now| kept::commit(connection, &commits, now))
            .await
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: &PageRequest,
    ) -> Result<Page<KeptRecord>, StoreError> {
        let (after, limit) = (kept::parse_cursor(page)?, page.limit);
        self.read(move |connection| kept::page(connection, kind, &after, limit))
            .await
    }
}
