//! The HTTP client below slack-morphism, with bounds.
//!
//! The library's own connector reads an answer to its end, however long that is, and knows
//! `Retry-After` with 429 only. This one does the one call that the sink needs.

use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slack_morphism::errors::{
    SlackClientApiError, SlackClientError, SlackClientHttpError, SlackClientHttpProtocolError,
    SlackClientProtocolError, SlackClientSystemError, SlackRateLimitError,
};
use slack_morphism::multipart_form::FileMultipartData;
use slack_morphism::{
    ClientResult, SlackClientApiCallContext, SlackClientHttpConnector, SlackClientId,
    SlackClientSecret,
};
use smswatch_sink_kit::header::CONTENT_TYPE;
use smswatch_sink_kit::{DeliveryError, HttpClient, Method, Redactor, StatusCode, Url};

use crate::answer::is_webhook_refusal;

/// How much of an answer is read, in bytes; an answer repeats the message, which is far smaller.
const READ: usize = 256 * 1024;

/// How much of an answer that means failure is kept, in bytes.
const KEPT: usize = 400;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Posts JSON and reads bounded answers.
pub(crate) struct BoundedConnector {
    http: HttpClient,
}

/// Why there was no answer, or none that could be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

/// The part of an answer that says whether it is a good one. What only explains may look in any way: a message that was
/// posted must not be posted again for its sake.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    #[serde(default)]
    error: Value,
    #[serde(default)]
    response_metadata: Value,
}

impl Envelope {
    /// The word of a failure; `None` of what went well.
    fn failure(&self) -> Option<&str> {
        match &self.error {
            Value::Null if self.ok => None,
            error => Some(error.as_str().unwrap_or("unknown_error")),
        }
    }

    /// What else is said of a failure.
    fn messages(&self) -> Vec<String> {
        let messages = self.response_metadata["messages"].as_array();
        let messages = messages.into_iter().flatten().filter_map(Value::as_str);
        messages.map(str::to_owned).collect()
    }
}

impl BoundedConnector {
    /// A connector for the methods below the client's URL, or for the incoming webhook that it is.
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http }
    }

    /// What hides credentials in Slack's words.
    pub(crate) fn redactor(&self) -> &Redactor {
        self.http.redactor()
    }

    /// Asks for the root of the server, to see whether it answers; nothing is posted.
    pub(crate) async fn reach(&self) -> ClientResult<()> {
        self.http.probe().await.map(drop).map_err(no_answer)
    }

    async fn post<RS: DeserializeOwned>(
        &self,
        url: Url,
        body: serde_json::Result<String>,
        context: SlackClientApiCallContext<'_>,
    ) -> ClientResult<RS> {
        let body = body.map_err(|error| undecodable(error, None))?;
        // Methods, which need a token, say in JSON how it went; incoming webhooks say `ok`, as text.
        let is_method = context.token.is_some();
        let request = self
            .http
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body);
        let answer = request.send().await.map_err(no_answer)?;
        let (status, wait) = (answer.status(), answer.retry_after());
        if !status.is_success() {
            return Err(refused(status, wait, answer.words().await));
        }
        let body = answer.read(READ).await.map_err(no_answer)?;
        let text = String::from_utf8_lossy(&body);
        match is_method {
            true => decode_json(&text),
            false => decode_plain(&text),
        }
    }
}

/// What slack-morphism's own connector would make of an error status, and `Retry-After` with a 503.
fn refused(status: StatusCode, wait: Option<Duration>, text: String) -> SlackClientError {
    match (status, wait) {
        (StatusCode::TOO_MANY_REQUESTS, wait) => rate_limited(wait, text),
        (StatusCode::SERVICE_UNAVAILABLE, wait @ Some(_)) => rate_limited(wait, text),
        _ => SlackClientError::HttpError(
            SlackClientHttpError::new(status).with_http_response_body(text),
        ),
    }
}

/// An incoming webhook says `ok`, and others that speak its language say so in their own words. The
/// page of a proxy is no such word, nor is what calls itself a failure, whatever its status is.
fn decode_plain<RS: DeserializeOwned>(text: &str) -> ClientResult<RS> {
    if serde_json::from_str::<Envelope>(text).is_ok() {
        return decode_json(text);
    }
    let word = text.trim();
    if is_webhook_refusal(word) {
        return Err(SlackClientError::ApiError(SlackClientApiError::new(
            word.to_owned(),
        )));
    }
    let good = if text.trim_start().starts_with('<') {
        text
    } else {
        "{}"
    };
    serde_json::from_str(good).map_err(|error| undecodable(error, None))
}

fn decode_json<RS: DeserializeOwned>(text: &str) -> ClientResult<RS> {
    let envelope: Envelope =
        serde_json::from_str(text).map_err(|error| undecodable(error, Some(text)))?;
    match envelope.failure() {
        None => serde_json::from_str(text).map_err(|error| undecodable(error, Some(text))),
        Some(word) => Err(SlackClientError::ApiError(
            SlackClientApiError::new(word.to_owned()).with_errors(envelope.messages()),
        )),
    }
}

fn kept(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(KEPT));
    text
}

fn rate_limited(wait: Option<Duration>, text: String) -> SlackClientError {
    SlackClientError::RateLimitError(
        SlackRateLimitError::new()
            .opt_retry_after(wait)
            .with_http_response_body(text),
    )
}

fn undecodable(error: serde_json::Error, text: Option<&str>) -> SlackClientError {
    SlackClientError::ProtocolError(
        SlackClientProtocolError::new(error).opt_json_body(text.map(|text| kept(text.to_owned()))),
    )
}

fn no_answer(error: DeliveryError) -> SlackClientError {
    let why = NoAnswer(error.detail());
    SlackClientError::HttpProtocolError(
        SlackClientHttpProtocolError::new().with_cause(Box::new(why)),
    )
}

/// The answer to what this connector does not do.
fn unsupported<'a, RS: Send + 'a>() -> BoxFuture<'a, ClientResult<RS>> {
    let message = "only posting JSON is supported".to_owned();
    let error = SlackClientSystemError::new().with_message(message);
    Box::pin(std::future::ready(Err(SlackClientError::SystemError(
        error,
    ))))
}

impl SlackClientHttpConnector for BoundedConnector {
    fn http_post_uri<'a, RQ, RS>(
        &'a self,
        full_uri: Url,
        request_body: &'a RQ,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RQ: Serialize + Send + Sync,
        RS: DeserializeOwned + Send + 'a,
    {
        let body = serde_json::to_string(request_body);
        Box::pin(self.post(full_uri, body, context))
    }

    fn create_method_uri_path(&self, method_relative_uri: &str) -> ClientResult<Url> {
        Ok(self.http.below(method_relative_uri))
    }

    fn http_get_uri<'a, RS>(
        &'a self,
        _: Url,
        _: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: DeserializeOwned + Send + 'a,
    {
        unsupported()
    }

    fn http_get_with_client_secret<'a, RS>(
        &'a self,
        _: Url,
        _: &'a SlackClientId,
        _: &'a SlackClientSecret,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: DeserializeOwned + Send + 'a,
    {
        unsupported()
    }

    fn http_post_uri_multipart_form<'a, 'p, RS, PT, TS>(
        &'a self,
        _: Url,
        _: Option<FileMultipartData<'p>>,
        _: &'p PT,
        _: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: DeserializeOwned + Send + 'a,
        PT: IntoIterator<Item = (&'p str, Option<TS>)> + Clone,
        TS: AsRef<str> + 'p + Send,
    {
        unsupported()
    }

    fn http_post_uri_binary<'a, 'p, RS>(
        &'a self,
        _: Url,
        _: String,
        _: &'a [u8],
        _: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: DeserializeOwned + Send + 'a,
    {
        unsupported()
    }
}
