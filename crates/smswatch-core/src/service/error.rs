//! Why a running process could not do what it was asked.

use smswatch_model::MessageId;

use crate::store::{InvalidCursor, StoreError};
use crate::watch::registration::{MAX_TAG_BYTES, MAX_TAGS};

/// Why something that was asked could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store did not do it; it may or may not have taken place.
    #[error(transparent)]
    Store(StoreError),
    /// The cursor was not given out here.
    #[error(transparent)]
    Cursor(InvalidCursor),
    /// A watch would have more tags than it may; nothing was changed for its message.
    #[error(
        "{message_id} would have {count} tags with {bytes} bytes together; a watch has at most \
         {MAX_TAGS} tags with {MAX_TAG_BYTES} bytes"
    )]
    TooManyTags {
        /// The message.
        message_id: MessageId,
        /// How many tags its watch would have.
        count: usize,
        /// How many bytes their names and values would have together.
        bytes: usize,
    },
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
