//! Why a store did not do what it was asked.

use super::InvalidCursor;

/// Why a store did not do a step. The step may or may not have taken place, unless said otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is loading, is full, or refuses to write for now.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The store holds something that this version does not understand.
    #[error("the store holds something unexpected: {0}")]
    Unexpected(String),
    /// The caller's cursor is not one that this store gave out.
    #[error(transparent)]
    Cursor(#[from] InvalidCursor),
}
