//! One request to a receiver.

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use smswatch_plugin::sink::DeliveryError;

use crate::{Answer, HttpClient};

/// A request to a receiver, until it is sent. It has the client's headers already.
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    http: &'a HttpClient,
    /// The request, or why it could not be built: returned when it is sent, so that building it needs no `?`.
    built: Result<reqwest::Request, DeliveryError>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        http: &'a HttpClient,
        built: Result<reqwest::Request, DeliveryError>,
    ) -> Self {
        Self { http, built }
    }

    /// Sets a header, in place of the client's own of that name.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        self.built = self.built.and_then(|mut request| {
            let impossible = |what| DeliveryError::permanent(what);
            let name = name
                .try_into()
                .map_err(|_| impossible("the sink has a bug: its header has no possible name"))?;
            let value = value.try_into().map_err(|_| {
                impossible("a header of the request would have line breaks or the like")
            })?;
            request.headers_mut().insert(name, value);
            Ok(request)
        });
        self
    }

    /// Sends `value` as JSON.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self
                .body(json)
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json")),
            Err(error) => Self {
                built: Err(DeliveryError::permanent(format!(
                    "the notification cannot be told in JSON: {error}"
                ))),
                ..self
            },
        }
    }

    /// Sends `body`; its type is told by [`header`](Self::header).
    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        if let Ok(request) = &mut self.built {
            *request.body_mut() = Some(body.into());
        }
        self
    }

    /// Sends it, and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// - An address that is not public, unless it is allowed: permanent. It is never connected to.
    /// - No connection, no name, no TLS, no answer: temporary. The cause is told with host and port.
    pub async fn send(self) -> Result<Answer<'a>, DeliveryError> {
        let (http, request) = (self.http, self.built?);
        http.guard()
            .check_url(request.url())
            .map_err(|forbidden| DeliveryError::permanent(forbidden.to_string()))?;
        let url = request.url().clone();
        match http.client().execute(request).await {
            Ok(response) => Ok(Answer::new(http, response)),
            Err(error) => Err(http.explain(&error, &url)),
        }
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("to", self.http)
            .finish_non_exhaustive()
    }
}
