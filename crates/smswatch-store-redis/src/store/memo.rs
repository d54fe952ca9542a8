//! Memos: read, and change by compare-and-set.

use smswatch_plugin::store::{Memo, NewEntry, Shard, StoreError};

use super::{RedisStore, about, kinds};
use crate::error::strange;

impl RedisStore {
    pub(super) async fn read_memo(
        &self,
        shard: Shard,
        name: &str,
    ) -> Result<Option<Memo>, StoreError> {
        let mut call = self.call(&self.scripts.memo, shard);
        call.arg(name);
        let (version, value): (Option<String>, Option<Vec<u8>>) = self.invoke(&call).await?;
        let (Some(version), Some(value)) = (version, value) else {
            return Ok(None);
        };
        let version = version.parse().map_err(|_| strange("a memo"))?;
        Ok(Some(Memo { version, value }))
    }

    pub(super) async fn write_memo(
        &self,
        shard: Shard,
        name: &str,
        expected: Option<u64>,
        value: &[u8],
        entries: &[NewEntry],
    ) -> Result<bool, StoreError> {
        let mut call = self.call(&self.scripts.put_memo, shard);
        let expected = expected.map(|version| version.to_string());
        call.arg(name).arg(expected.unwrap_or_default()).arg(value);
        for entry in entries {
            call.arg(&entry.body[..])
                .arg(about(entry))
                .arg(kinds(entry));
        }
        self.invoke(&call).await
    }
}
