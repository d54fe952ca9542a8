//! The form of what is kept in records and memos: a byte that names the format, then JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

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
