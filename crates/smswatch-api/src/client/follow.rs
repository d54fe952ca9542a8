//! Events as they come, read from the stream of the service.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use smswatch_outbound::read_body;
use tokio::time::timeout;

use super::answer::Answer;
use super::{CallError, Client, MOST, TIMEOUT};
use crate::events::StreamQuery;

/// How long the service may say nothing before the stream is taken for broken: it sends a comment much more often.
const SILENCE: Duration = Duration::from_secs(60);

/// The longest event that is read, in bytes.
const MOST_PENDING: usize = 16 * 1024 * 1024;

/// Events as they come.
///
/// A stream breaks now and then: when the service starts again, or when something in between ends it. Go on with
/// [`Client::follow`] and [`EventStream::last_id`] as the cursor; then nothing is missed.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    response: reqwest::Response,
    /// What has arrived of a line.
    pending: Vec<u8>,
    data: String,
    id: String,
    last_id: Option<String>,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamedEvent {
    /// The cursor with which a stream goes on behind it.
    pub id: String,
    /// The event, as the service told it; [`EventView`](crate::events::EventView) makes sense of it.
    pub event: Value,
}

impl Client {
    /// Follows events: those behind the cursor of `query`, or from now on.
    ///
    /// # Errors
    ///
    /// The service does not answer, does not do it, or knows no streams yet.
    pub async fn follow(&self, query: &StreamQuery) -> Result<EventStream, CallError> {
        let request = self.request(Method::GET, &["v1", "events", "stream"], query);
        let sent = timeout(TIMEOUT, request.send()).await;
        let sent = sent.map_err(|_| CallError::TimedOut {
            address: self.address(),
            after: TIMEOUT,
        })?;
        let response = sent.map_err(|error| self.unreachable(&error, TIMEOUT))?;
        let media_type = response.headers().get(CONTENT_TYPE);
        let is_stream =
            media_type.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        if response.status().is_success() && is_stream {
            return Ok(EventStream {
                client: self.clone(),
                response,
                pending: Vec::new(),
                data: String::new(),
                id: String::new(),
                last_id: query.cursor.clone(),
            });
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(response, MOST).await.unwrap_or_default();
        let answer = Answer::read(status, &headers, &body);
        let answer = answer.filter(|answer| !answer.status.is_success());
        let answer = answer.ok_or_else(|| self.foreign(status))?;
        match self.good(answer).await {
            Ok(_) => Err(self.foreign(status)),
            Err(error) => Err(error),
        }
    }
}

impl EventStream {
    /// The cursor with which a stream goes on where this one stands; `None` before the service has named one.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The next event; `None` when the service ends the stream, as it does when it stops.
    ///
    /// # Errors
    ///
    /// The stream broke.
    pub async fn next(&mut self) -> Result<Option<StreamedEvent>, CallError> {
        loop {
            while let Some(line) = self.line() {
                if let Some(event) = self.take(&line)? {
                    return Ok(Some(event));
                }
            }
            let chunk = timeout(SILENCE, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| CallError::TimedOut {
                address: self.client.address(),
                after: SILENCE,
            })?;
            let chunk = chunk.map_err(|error| self.client.unreachable(&error, SILENCE))?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.pending.extend_from_slice(&chunk);
            if self.pending.len() + self.data.len() > MOST_PENDING {
                return Err(self.client.unreadable(&"an event is too large"));
            }
        }
    }

    /// The next line that has arrived whole.
    fn line(&mut self) -> Option<String> {
        let end = self.pending.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.pending.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line);
        Some(line.trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Takes a line; returns the event that it ends.
    fn take(&mut self, line: &str) -> Result<Option<StreamedEvent>, CallError> {
        if line.is_empty() {
            if !self.id.is_empty() {
                self.last_id = Some(self.id.clone());
            }
            if self.data.is_empty() {
                return Ok(None);
            }
            let data = std::mem::take(&mut self.data);
            let event = serde_json::from_str(&data);
            let event = event.map_err(|error| self.client.unreadable(&error))?;
            let id = self.id.clone();
            return Ok(Some(StreamedEvent { id, event }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => {
                self.data.push('\n');
                self.data.push_str(value);
            }
            "id" => value.clone_into(&mut self.id),
            // Comments, and fields of other versions.
            _ => {}
        }
        Ok(None)
    }
}
