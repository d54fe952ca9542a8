//! Memos of which another version may have a form of its own.

use crate::context::Context;
use crate::store::{NewEntry, Shard, StoreError};

/// A memo as this version knows it.
#[derive(Debug)]
pub(crate) struct Known<T> {
    /// The name under which this version changes it.
    pub(crate) name: String,
    /// Which version a change must expect; `None` if there is no memo.
    pub(crate) version: Option<u64>,
    /// What it says; `None` if there is none, or if it is damaged.
    pub(crate) value: Option<T>,
}

/// Reads the memo called `name`. One that `decode` cannot read is left to the version that wrote it: this
/// one then keeps another beside it, of its own `format`, so that neither loses what the other knows.
///
/// # Errors
///
/// The store is not available.
pub(crate) async fn read<T>(
    context: &Context,
    shard: Shard,
    name: &str,
    format: u8,
    decode: impl Fn(&[u8]) -> Option<T>,
) -> Result<Known<T>, StoreError> {
    let own = format!("{name}:format-{format}");
    let memo = context
        .call("memo", context.store.memo(shard, name))
        .await?;
    let memo = match memo {
        None => return Ok(known(name.to_owned(), None, None)),
        Some(memo) => memo,
    };
    if let Some(value) = decode(&memo.value) {
        return Ok(known(name.to_owned(), Some(memo.version), Some(value)));
    }
    context.metrics.unreadable.inc();
    let memo = context
        .call("memo", context.store.memo(shard, &own))
        .await?;
    let version = memo.as_ref().map(|memo| memo.version);
    let value = memo.and_then(|memo| decode(&memo.value));
    Ok(known(own, version, value))
}

/// Writes `value` where `known` was read, and appends `entries` to the log in the same step; returns false if
/// another process changed the memo meanwhile.
///
/// # Errors
///
/// The store is not available.
pub(crate) async fn put<T>(
    context: &Context,
    shard: Shard,
    known: &Known<T>,
    value: Vec<u8>,
    entries: Vec<NewEntry>,
) -> Result<bool, StoreError> {
    let store = &context.store;
    let put = store.put_memo(shard, &known.name, known.version, value, entries);
    context.call("put_memo", put).await
}

fn known<T>(name: String, version: Option<u64>, value: Option<T>) -> Known<T> {
    Known {
        name,
        version,
        value,
    }
}
