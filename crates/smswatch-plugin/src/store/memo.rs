//! A small value that all processes share.

/// A small opaque value under a name, with the number of its last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// Which version it is; every change takes another.
    pub version: u64,
    /// The value, as core wrote it.
    pub value: Vec<u8>,
}
