//! The record of a sweep or a campaign, on which one process at a time works.
//!
//! Whoever asks for its pages puts the time at which it is due a little ahead after each of them. So another process goes
//! on soon when this one dies, and at once when this one ends and gives the record back.

use crate::context::Context;
use crate::store::{
    KeptRecord, NewEntry, NewRecord, RecordChange, RecordCommit, RecordId, RecordKind, Shard,
    StoreError,
};

/// How many rows a page has at most: as many as Routee gives.
pub(super) const PAGE: u32 = 2_000;

/// How many pages are asked for at most: two million rows.
pub(super) const MOST_PAGES: u32 = 1_000;

/// A record, and which version of it this process knows.
pub(super) struct ListingRecord<'a> {
    context: &'a Context,
    shard: Shard,
    kind: RecordKind,
    id: RecordId,
    version: Option<u64>,
    /// What this process has written, or was about to write, last.
    written: Option<NewRecord>,
}

impl<'a> ListingRecord<'a> {
    /// The record called `id`, of which this process knows no version.
    pub(super) fn new(context: &'a Context, shard: Shard, kind: RecordKind, id: RecordId) -> Self {
        Self {
            context,
            shard,
            kind,
            id,
            version: None,
            written: None,
        }
    }

    /// A record that was claimed.
    pub(super) fn claimed(
        context: &'a Context,
        shard: Shard,
        kind: RecordKind,
        record: KeptRecord,
    ) -> Self {
        Self {
            version: Some(record.version),
            ..Self::new(context, shard, kind, record.id)
        }
    }

    /// Reads the record; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(super) async fn load(&mut self) -> Result<Option<KeptRecord>, StoreError> {
        let ids = std::slice::from_ref(&self.id);
        let load = self.context.store.load_records(self.shard, self.kind, ids);
        let record = self.context.call("load_records", load).await?;
        let record = record.into_iter().next().flatten();
        self.version = record.as_ref().map(|record| record.version);
        Ok(record)
    }

    /// Writes the record, or removes it, and appends `entries` to the log; returns false if another process has changed
    /// it meanwhile.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(super) async fn put(
        &mut self,
        record: Option<NewRecord>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError> {
        let is_removed = record.is_none();
        self.written.clone_from(&record);
        let change = RecordChange {
            kind: self.kind,
            id: self.id.clone(),
            expected: self.version,
            record,
        };
        let commit = [RecordCommit {
            entries,
            ..change.into()
        }];
        let commit = self.context.store.commit_records(self.shard, &commit);
        let committed = self.context.call("commit_records", commit).await?;
        let is_done = committed.done == [true];
        if is_done && !is_removed {
            self.load().await?;
        }
        Ok(is_done)
    }

    /// Writes `record`, which is due at once, for another process to go on with. It may come amid any step of this one, so
    /// what the store has now is looked at first: a record that another process has changed is left alone.
    ///
    /// # Errors
    ///
    /// The store is not available: the record is due when its lease has ended.
    pub(super) async fn give_back(&mut self, record: NewRecord) -> Result<(), StoreError> {
        let (known, written) = (self.version, self.written.take());
        let Some(found) = self.load().await? else {
            return Ok(());
        };
        let is_written =
            |written: NewRecord| written.due == found.due && written.body == found.body;
        if known == Some(found.version) || written.is_some_and(is_written) {
            self.put(Some(record), Vec::new()).await?;
        }
        Ok(())
    }
}
