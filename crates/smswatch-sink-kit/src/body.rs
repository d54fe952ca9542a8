//! The body of an answer: its beginning is for people, the rest is read only so that the connection can
//! be used again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use reqwest::{Response, StatusCode};
use smswatch_outbound::{BodyError, read_body, unpacked_beginning};
use smswatch_plugin::Redactor;
use tokio::sync::Semaphore;

/// How many bytes of an answer are kept for people to read.
const KEPT: usize = 400;

/// How many bytes of an answer are read.
const READ: usize = 16 * 1024;

/// How long the words of a receiver that does not take a notification are waited for: attempts have a
/// time to end, and what its status says must not be lost over them.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a body may take that is only read to keep the connection.
const REST: Duration = Duration::from_secs(2);

/// How many such bodies are read at once at most; further connections are closed instead.
const RESTS: usize = 32;

/// A body that is read bit by bit.
pub(crate) struct Body {
    response: Response,
    kept: Vec<u8>,
    /// How many more bytes are read.
    left: usize,
    /// Whether all of it is known and kept.
    is_whole: bool,
}

impl Body {
    pub(crate) fn of(response: Response) -> Self {
        let is_empty =
            response.content_length() == Some(0) || response.status() == StatusCode::NO_CONTENT;
        Self {
            response,
            kept: Vec::new(),
            left: READ,
            is_whole: is_empty,
        }
    }

    pub(crate) fn response(&self) -> &Response {
        &self.response
    }

    /// Reads all of it, at most `most` bytes.
    pub(crate) async fn whole(self, most: usize) -> Result<Bytes, BodyError> {
        read_body(self.response, most).await
    }

    /// Reads what has come already, and waits for nothing; returns whether there is nothing left to
    /// be read.
    pub(crate) fn read_what_is_there(&mut self) -> bool {
        self.read().now_or_never().is_some()
    }

    /// Reads as far as it comes soon.
    pub(crate) async fn read_with_patience(&mut self) {
        // Running out of time is no error; the connection is closed with the response.
        let _out_of_time = tokio::time::timeout(PATIENCE, self.read()).await.is_err();
    }

    async fn read(&mut self) {
        if self.is_whole {
            return;
        }
        while self.left > 0 {
            match self.response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = KEPT - self.kept.len();
                    self.kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    self.left = self.left.saturating_sub(chunk.len());
                }
                Ok(None) => {
                    self.is_whole = READ - self.left <= KEPT;
                    return;
                }
                // A broken body does not change what the status said.
                Err(_) => return,
            }
        }
    }

    /// The beginning as text, without secrets.
    pub(crate) fn words(&self, redactor: &Redactor) -> String {
        let headers = self.response.headers();
        let Some(mut kept) = unpacked_beginning(headers, &self.kept, KEPT + 1) else {
            return "(compressed)".to_owned();
        };
        let is_whole = self.is_whole && kept.len() <= KEPT;
        kept.truncate(KEPT);
        let text = String::from_utf8_lossy(&kept);
        let clean = if is_whole {
            redactor.clean(&text)
        } else {
            // The cut may have hit a character.
            redactor.clean_cut(text.trim_end_matches(char::REPLACEMENT_CHARACTER))
        };
        clean.trim().to_owned()
    }
}

/// Reads bodies to their end beside everything else.
#[derive(Clone)]
pub(crate) struct Rests(Arc<Semaphore>);

impl Default for Rests {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(RESTS)))
    }
}

impl Rests {
    /// Reads what is left of `body`, within bounds.
    pub(crate) fn read(&self, mut body: Body) {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            return;
        };
        tokio::spawn(async move {
            let _out_of_time = tokio::time::timeout(REST, body.read()).await.is_err();
            drop(place);
        });
    }
}
