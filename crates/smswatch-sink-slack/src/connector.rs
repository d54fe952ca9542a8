//! The HTTP client below slack-morphism, with bounds.
//!
//! The library's own connector reads an answer to its end, however long that is, and knows
//! `Retry-After` with 429 only. This one does the one call that the sink needs.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use slack_morphism::errors::{
    SlackClientApiError, SlackClientError, SlackClientHttpError, SlackClientHttpProtocolError,
    SlackClientProtocolError, SlackClientSystemError, SlackRateLimitError,
};
use slack_morphism::multipart_form::FileMultipartData;
use slack_morphism::{
    ClientResult, SlackClientApiCallContext, SlackClientHttpConnector, SlackClientId,
    SlackClientSecret,
};
use smswatch_outbound::{BodyError, ClientOptions, HttpClient, Route, SetupError, read_body};
use smswatch_plugin::{Proxy, retry_after};
use url::Url;

/// How much of an answer is read, in bytes; an answer repeats the message, which is far smaller.
const READ: usize = 256 * 1024;

/// How much of an answer that means failure is kept, in bytes.
const KEPT: usize = 400;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Posts JSON and reads bounded answers.
pub(crate) struct BoundedConnector {
    http: HttpClient,
    api_url: Url,
}

/// Why there was no answer, or none that could be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

/// The part of an answer that says whether it is a good one.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    error: Option<String>,
    #[serde(default)]
    response_metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    messages: Vec<String>,
}

impl BoundedConnector {
    /// A connector for methods under `api_url`, or for incoming webhooks there.
    pub(crate) fn new(api_url: Url, proxy: &Proxy, user_agent: &str) -> Result<Self, SetupError> {
        let options = ClientOptions {
            urls: &[&api_url],
            route: Route::new(proxy),
            user_agent,
            follows_redirects: false,
        };
        let http = HttpClient::new(options, |client| client)?;
        Ok(Self { http, api_url })
    }

    /// Asks for the root of the server at `url`, to see whether it answers; nothing is posted.
    pub(crate) async fn reach(&self, url: &Url) -> ClientResult<()> {
        let mut root = url.clone();
        root.set_path("/");
        root.set_query(None);
        let answer = self.http.client().head(root.clone()).send().await;
        answer
            .map(drop)
            .map_err(|error| self.no_answer(&error, &root))
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
        let mut request = self
            .http
            .client()
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body);
        if let Some(token) = context.token {
            let token = &token.token_value.0;
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.send().await;
        let response = response.map_err(|error| self.no_answer(&error, &url))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = match self.read(response, &url).await {
            Ok(text) => text,
            // The status alone already says how it went.
            Err(_) if !status.is_success() => String::new(),
            Err(error) => return Err(error),
        };
        match status.is_success() {
            true if is_method => decode_json(&text),
            true => decode_plain(&text),
            false => Err(refused(status, &headers, text)),
        }
    }

    /// The body of an answer, unless it is longer than any of Slack's.
    async fn read(&self, response: Response, url: &Url) -> ClientResult<String> {
        let body = read_body(response, READ).await;
        let body = body.map_err(|error| match error {
            BodyError::Broken(error) => self.no_answer(&error, url),
            BodyError::TooLarge => no_answer("the answer is too long for one of Slack".to_owned()),
            error => no_answer(format!("the answer cannot be read: {error}")),
        })?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    fn no_answer(&self, error: &reqwest::Error, url: &Url) -> SlackClientError {
        no_answer(self.http.explain(error, url))
    }
}

/// What slack-morphism's own connector would make of an error status, and `Retry-After` with a 503.
fn refused(status: StatusCode, headers: &HeaderMap, text: String) -> SlackClientError {
    let text = kept(text);
    let header = |name: &str| headers.get(name)?.to_str().ok();
    match (status, retry_after(header, SystemTime::now())) {
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
    match envelope.error {
        None if envelope.ok => {
            serde_json::from_str(text).map_err(|error| undecodable(error, Some(text)))
        }
        code => Err(SlackClientError::ApiError(
            SlackClientApiError::new(code.unwrap_or_else(|| "unknown_error".to_owned()))
                .with_errors(envelope.response_metadata.messages),
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

fn no_answer(why: String) -> SlackClientError {
    SlackClientError::HttpProtocolError(
        SlackClientHttpProtocolError::new().with_cause(Box::new(NoAnswer(why))),
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
        Ok(format!("{}/{method_relative_uri}", self.api_url).parse()?)
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
