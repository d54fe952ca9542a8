//! Why a running process could not do what it was asked.

use crate::store::{InvalidCursor, StoreError};

/// Why something that was asked could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store did not do it; it may or may not have taken place.
    #[error(transparent)]
    Store(StoreError),
    /// The cursor was not given out here.
    #[error(transparent)]
    Cursor(InvalidCursor),
    /// Others keep changing the same thing; asking again helps.
    #[error("others keep changing the same watch")]
    Busy,
    /// What is stored cannot be read: a later version wrote it, or it is damaged. It is left as it is.
    #[error(
        "this version of smswatch cannot read what is stored of it; a later version, which wrote it, can"
    )]
    Unreadable,
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor(error) => Self::Cursor(error),
            error => Self::Store(error),
        }
    }
}

impl From<InvalidCursor> for ServiceError {
    fn from(error: InvalidCursor) -> Self {
        Self::Cursor(error)
    }
}
