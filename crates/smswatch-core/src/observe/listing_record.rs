//! The record of a sweep or a campaign, on which one process at a time works.
//!
//! Whoever asks for its pages puts the time at which it is due a little ahead after each of them. So another process goes
//! on soon when this one dies, and at once when this one ends and gives the record back.

use tokio_util::sync::CancellationToken;

use crate::budget::LISTING_LEASE;
use crate::context::Context;
use crate::leased::Leased;
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

    /// The same, again and again while the store is away for a moment: until the lease ends nobody else may go on.
    ///
    /// # Errors
    ///
    /// The store was not available for as long as that, or it is told to stop.
    pub(super) async fn put_in_time(
        &mut self,
        record: Option<NewRecord>,
        entries: Vec<NewEntry>,
        stop: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let mut leased = Leased::begin(LISTING_LEASE);
        let known = self.version;
        let mut done = self.put(record.clone(), entries.clone()).await;
        while let Err(error) = done {
            leased.pause(error, stop).await?;
            done = self.put_again(known, &record, &entries).await;
        }
        done
    }

    /// Writes the record unless a try has done so whose answer was lost. Before all tries its version was `known`.
    async fn put_again(
        &mut self,
        known: Option<u64>,
        record: &Option<NewRecord>,
        entries: &[NewEntry],
    ) -> Result<bool, StoreError> {
        let found = self.load().await?;
        if self.version == known {
            return self.put(record.clone(), entries.to_vec()).await;
        }
        Ok(match (found, record) {
            (Some(found), Some(record)) => is_same(&found, record),
            (None, None) => true,
            _ => false,
        })
    }

    /// Writes `record`, which is due at once, for another process to go on with. It may come amid any step of this one, so
    /// what the store has now is looked at first: a record that another process has changed is left alone.
    ///
    /// # Errors
    ///
    /// The store is not available: the record is due when its lease has ended.
    pub(super) async fn give_back(&mut self, record: NewRecord) -> Result<(), StoreError> {
        let (known, written) = (self.version, self.written.clone());
        let Some(found) = self.load().await? else {
            return Ok(());
        };
        if known == Some(found.version) || written.is_some_and(|written| is_same(&found, &written))
        {
            self.put(Some(record), Vec::new()).await?;
        }
        Ok(())
    }
}

fn is_same(found: &KeptRecord, record: &NewRecord) -> bool {
    found.due == record.due && found.body == record.body
}
