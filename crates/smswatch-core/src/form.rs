//! The form of what is kept in records and memos: a byte that names the format, then JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::RecordId;

/// Writes `value` in a format.
pub(crate) fn encode(format: u8, value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![format];
    serde_json::to_writer(&mut bytes, value).expect("what is kept has texts for keys");
    bytes
}

/// Reads what [`encode`] wrote; `None` if it is of another format, as of another version, or damaged.
pub(crate) fn decode<T: DeserializeOwned>(format: u8, bytes: &[u8]) -> Option<T> {
    let json = bytes.strip_prefix(&[format])?;
    serde_json::from_slice(json).ok()
}

/// The name beside a record's own under which this version keeps it where a later one has the first.
pub(crate) fn beside(id: &RecordId) -> RecordId {
    RecordId::new(format!("{}.1", id.as_str())).expect("it is short")
}
