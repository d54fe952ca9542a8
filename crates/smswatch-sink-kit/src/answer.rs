//! What a receiver answered, and what that means.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use smswatch_outbound::BodyError;
use smswatch_plugin::retry_after;
use smswatch_plugin::sink::{DeliveryError, Receipt, Retry};

use crate::HttpClient;
use crate::body::Body;
use crate::meaning::Table;

/// What a receiver answered.
///
/// Most sinks need [`receipt`](Self::receipt) alone, with what they know of their receiver beside the table:
///
/// ```no_run
/// # async fn deliver(http: &smswatch_sink_kit::HttpClient)
/// # -> Result<smswatch_sink_kit::Receipt, smswatch_sink_kit::DeliveryError> {
/// let answer = http.post().json(&"an alert").send().await?;
/// // 409: it has this alert already.
/// answer.taken_by([409]).never([404]).receipt().await
/// # }
/// ```
///
/// | status | means |
/// |---|---|
/// | 2xx | delivered |
/// | 429, 503 with `Retry-After` | the sink gets nothing until then |
/// | 400, 405, 413, 415, 422 | permanent |
/// | 410 | permanent, and the sink is closed until an operator resumes it |
/// | every other, 3xx, 401, 403 and 404 among them | temporary |
///
/// A receiver that says in its body how it went is judged by the sink: [`read`](Self::read) and
/// [`json`](Self::json) give a good answer within bounds, and [`words`](Self::words) the beginning of another.
#[must_use]
pub struct Answer<'a> {
    http: &'a HttpClient,
    body: Body,
    table: Table,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(http: &'a HttpClient, response: Response) -> Self {
        Self {
            http,
            body: Body::of(response),
            table: Table::default(),
        }
    }

    /// These statuses mean delivered, too, such as a 409 of a receiver that has the alert already.
    pub fn taken_by(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.table.taken_by(statuses);
        self
    }

    /// These statuses mean that the receiver will never take this notification.
    pub fn never(mut self, statuses: impl IntoIterator<Item = u16>) -> Self {
        self.table.never(statuses);
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.body.response().status()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.body.response().headers()
    }

    /// For how long the receiver asks to be left alone: `Retry-After`, in seconds or as a date.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let header = |name: &str| self.headers().get(name)?.to_str().ok();
        retry_after(header, self.http.now())
    }

    /// Judges the answer by its status, and keeps the first of its words for people, without secrets.
    ///
    /// Of the body of a good answer only what came with the head is looked at: an attempt has a time to end,
    /// and waiting may make a failure of a success. The words of another answer are waited for a moment.
    ///
    /// # Errors
    ///
    /// The status means that it is not delivered, and by the table whether trying again can help.
    pub async fn receipt(mut self) -> Result<Receipt, DeliveryError> {
        let status = self.status();
        match self.table.means(status.as_u16(), self.retry_after()) {
            Ok(()) => {
                let is_read = self.body.read_what_is_there();
                let words = self.body.words(self.http.redactor());
                if !is_read {
                    self.http.read_rest(self.body);
                }
                Ok(match words.is_empty() {
                    true => Receipt::new(status),
                    false => Receipt::new(format_args!("{status}: {words}")),
                })
            }
            Err(retry) => Err(self.refused(retry).await),
        }
    }

    async fn refused(self, retry: Retry) -> DeliveryError {
        let mut what = format!("the receiver answered {}", self.status());
        let words = self.words().await;
        if !words.is_empty() {
            what.push_str(": ");
            what.push_str(&words);
        }
        match retry {
            Retry::Gone => DeliveryError::gone(what),
            Retry::Never => DeliveryError::permanent(what),
            Retry::After(wait) => DeliveryError::retry_after(what, wait),
            Retry::Later => DeliveryError::temporary(what),
        }
    }

    /// The first of the receiver's words, at most 400 bytes of what comes within 250 ms, without secrets. An answer
    /// that means failure is read like this: what its status says must not be lost over words that never come.
    pub async fn words(mut self) -> String {
        self.body.read_with_patience().await;
        self.body.words(self.http.redactor())
    }

    /// The body, of at most `most` bytes; unpacked, if a gateway has compressed it without being asked.
    ///
    /// # Errors
    ///
    /// It is longer, it breaks off, or it cannot be unpacked: all temporary.
    pub async fn read(self, most: usize) -> Result<Bytes, DeliveryError> {
        let http = self.http;
        let url = self.body.response().url().clone();
        self.body.whole(most).await.map_err(|error| match error {
            BodyError::Broken(error) => http.explain(&error, &url),
            error => DeliveryError::temporary("the answer cannot be read").because(error),
        })
    }

    /// The body as JSON, of at most `most` bytes.
    ///
    /// # Errors
    ///
    /// It cannot be [read](Self::read), or is not JSON of this shape: temporary, since a proxy may have answered
    /// in the receiver's place.
    pub async fn json<T: DeserializeOwned>(self, most: usize) -> Result<T, DeliveryError> {
        let body = self.read(most).await?;
        // What serde_json says quotes values of the answer.
        serde_json::from_slice(&body)
            .map_err(|_| DeliveryError::temporary("the answer is not the JSON that it should be"))
    }
}

impl std::fmt::Debug for Answer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
