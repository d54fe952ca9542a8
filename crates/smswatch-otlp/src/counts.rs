//! Counts what becomes of spans.

use std::sync::atomic::AtomicU64;

/// How many spans were exported, dropped and failed.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) exported: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
}
