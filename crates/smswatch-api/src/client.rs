//! A client for the API of a running smswatch.
//!
//! ```no_run
//! # async fn example() -> Result<(), smswatch_api::client::CallError> {
//! use smswatch_api::client::Client;
//! use smswatch_api::watches::{MessageToWatch, WatchRequest};
//!
//! let client = Client::new("http://127.0.0.1:8080")?.with_token("a secret of yours")?;
//! let message = MessageToWatch {
//!     message_id: "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01".to_owned(),
//!     tags: [("team".to_owned(), "crm".to_owned())].into(),
//! };
//! let request = WatchRequest { messages: vec![message], ..WatchRequest::default() };
//! let registered = client.register(&request).await?;
//! println!("{} messages are watched that were not before", registered.accepted);
//!
//! if let Some(watch) = client.watch("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01").await? {
//!     println!("{}: {}", watch.message_id, watch.outcome);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is tried again by itself. [`CallError::may_help_to_ask_again`] says whether that can help; registering a
//! message twice does no harm.

mod address;
mod answer;
mod calls;
mod error;
mod follow;

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smswatch_outbound::{BodyError, ClientOptions, HttpClient, Route, read_body};
use smswatch_plugin::Proxy;

use self::address::{is_this_machine, service_url, without_secrets};
use self::answer::Answer;
pub use self::error::{CallError, Refused};
pub use self::follow::{EventStream, StreamedEvent};
use crate::health::ReadyReply;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long one may take that asks for much work: sending many deliveries again, testing a sink, registering ten thousand
/// messages.
const LONGEST: Duration = Duration::from_secs(60);

/// For how many bytes of a registration a call may take a second longer.
const BYTES_PER_SECOND: usize = 16 * 1024;

/// The largest answer that is read, in bytes: a page of a thousand events takes a few megabytes.
const MOST: usize = 256 * 1024 * 1024;

/// Speaks to the API of one service. Cheap to clone.
///
/// Requests to this machine go straight to it; others take the proxies that the environment names.
#[derive(Debug, Clone)]
pub struct Client {
    http: HttpClient,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// A client for the service at this address, such as `http://127.0.0.1:8080`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The address is no http or https URL, or https is to be spoken and this machine has no certificates.
    pub fn new(address: &str) -> Result<Self, CallError> {
        let base = service_url(address).ok_or(CallError::Address)?;
        let options = ClientOptions {
            urls: &[&base],
            route: match is_this_machine(&base) {
                true => Route::direct(),
                false => Route::new(&Proxy::Environment),
            },
            user_agent: concat!("smswatch/", env!("CARGO_PKG_VERSION")),
            follows_redirects: false,
            trusted: None,
        };
        let http = HttpClient::new(options, |client| client)?;
        Ok(Self {
            http,
            base,
            authorization: None,
        })
    }

    /// The same client, which lets itself in with a token.
    ///
    /// # Errors
    ///
    /// No header can hold the token.
    pub fn with_token(self, token: &str) -> Result<Self, CallError> {
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| CallError::Token)?;
        value.set_sensitive(true);
        Ok(Self {
            authorization: Some(value),
            ..self
        })
    }

    /// Whether it lets itself in with a token.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// The service's address without what may be a secret.
    #[must_use]
    pub fn address(&self) -> String {
        without_secrets(self.base.clone())
    }

    /// What a `GET` of `path`, given in its segments, is answered, with the fields of `query` that are texts.
    ///
    /// # Errors
    ///
    /// The service does not answer, or does not do it.
    pub async fn get_json(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<Value, CallError> {
        let request = self.request(Method::GET, path, query);
        self.good(self.send(request, TIMEOUT).await?).await
    }

    /// The same; `None` if the service knows no such thing.
    ///
    /// # Errors
    ///
    /// The service does not answer, or does not do it.
    pub async fn find_json(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<Option<Value>, CallError> {
        let request = self.request(Method::GET, path, query);
        self.found(self.send(request, TIMEOUT).await?).await
    }

    /// What a `POST` of `body` to `path` is answered.
    ///
    /// # Errors
    ///
    /// The service does not answer, or does not do it.
    pub async fn post_json(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Value, CallError> {
        let (request, patience) = self.posting(path, body)?;
        self.good(self.send(request, patience).await?).await
    }

    /// The same; `None` if the service knows no such thing.
    ///
    /// # Errors
    ///
    /// The service does not answer, or does not do it.
    pub async fn try_post_json(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Option<Value>, CallError> {
        let (request, patience) = self.posting(path, body)?;
        self.found(self.send(request, patience).await?).await
    }

    /// Deletes what is at `path`, and returns whether it was there.
    ///
    /// # Errors
    ///
    /// The service does not answer, or does not do it.
    pub async fn delete(&self, path: &[&str]) -> Result<bool, CallError> {
        let request = self.request(Method::DELETE, path, &());
        let answer = self.send(request, TIMEOUT).await?;
        Ok(self.found(answer).await?.is_some())
    }

    /// What `/readyz` says, whether it is ready or not.
    ///
    /// # Errors
    ///
    /// The service does not answer.
    pub async fn readiness_json(&self) -> Result<Value, CallError> {
        let request = self.request(Method::GET, &["readyz"], &());
        Ok(self.send(request, TIMEOUT).await?.body)
    }

    /// A request with this body, and how long it may take.
    fn posting(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<(RequestBuilder, Duration), CallError> {
        let body = serde_json::to_vec(body).map_err(|error| self.unreadable(&error))?;
        let patience = patience(path, body.len());
        let request = self.request(Method::POST, path, &());
        let request = request.header("content-type", "application/json");
        Ok((request.body(body), patience))
    }

    /// A request with a token, and with the fields of `query` that are texts.
    fn request(&self, method: Method, path: &[&str], query: &impl Serialize) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let query = serde_json::to_value(query).unwrap_or_default();
        let fields = query.as_object().into_iter().flatten();
        for (name, value) in fields {
            if let Some(value) = value.as_str() {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let mut request = self.http.client().request(method, url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        request
    }

    /// Calls, and reads the answer, which is one of smswatch.
    async fn send(&self, request: RequestBuilder, patience: Duration) -> Result<Answer, CallError> {
        let sent = request.timeout(patience).send().await;
        let response = sent.map_err(|error| self.unreachable(&error, patience))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(response, MOST).await;
        let body = body.map_err(|error| match error {
            BodyError::Broken(error) => self.unreachable(&error, patience),
            error => self.unreadable(&error),
        })?;
        Answer::read(status, &headers, &body).ok_or_else(|| self.foreign(status))
    }

    /// The body of an answer that means success; `None` if the service knows no such thing.
    async fn found(&self, answer: Answer) -> Result<Option<Value>, CallError> {
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.good(answer).await.map(Some)
    }

    /// The body of an answer that means success.
    async fn good(&self, answer: Answer) -> Result<Value, CallError> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let mut refused = answer.refused(self.address());
        if refused.is_about_the_store()
            && let Ok(told) = self.readiness_json().await
            && let Ok(mut readiness) = self.read::<ReadyReply>(&told)
            && let Some(store) = readiness.parts.remove("store")
        {
            refused.store_trouble = store.trouble;
        }
        Err(refused.into())
    }

    /// Makes sense of what the service told.
    fn read<T: DeserializeOwned>(&self, told: &Value) -> Result<T, CallError> {
        T::deserialize(told).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, why: &impl ToString) -> CallError {
        CallError::Unreadable {
            address: self.address(),
            why: why.to_string(),
        }
    }

    fn foreign(&self, status: StatusCode) -> CallError {
        CallError::Foreign {
            address: self.address(),
            status: status.as_u16(),
        }
    }

    fn unreachable(&self, error: &reqwest::Error, patience: Duration) -> CallError {
        let address = self.address();
        match error.is_timeout() && !error.is_connect() {
            true => CallError::TimedOut {
                address,
                after: patience,
            },
            false => CallError::Unreachable {
                address,
                cause: self.http.explain(error, &self.base),
            },
        }
    }
}

/// How long a `POST` to `path` may take whose body has so many bytes.
fn patience(path: &[&str], bytes: usize) -> Duration {
    match path {
        ["v1", "watches"] => {
            let seconds = u64::try_from(bytes / BYTES_PER_SECOND).unwrap_or(u64::MAX);
            LONGEST.min(TIMEOUT.saturating_add(Duration::from_secs(seconds)))
        }
        ["v1", "reload"] | ["v1", "deliveries", "retry" | "drop"] | ["v1", "sinks", _, "test"] => {
            LONGEST
        }
        _ => TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn only_calls_that_ask_for_much_may_take_long() {
        let few = patience(&["v1", "watches"], 100);
        let many = patience(&["v1", "watches"], 1024 * 1024);
        assert_eq!((few, many), (TIMEOUT, LONGEST));
        assert_eq!(patience(&["v1", "silences"], 1024 * 1024), TIMEOUT);
        assert_eq!(patience(&["v1", "sinks", "crm", "pause"], 0), TIMEOUT);
        assert_eq!(patience(&["v1", "sinks", "crm", "test"], 0), LONGEST);
        assert_eq!(patience(&["v1", "deliveries", "retry"], 0), LONGEST);
    }

    /// The clock runs to the end of the patience at once.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up_after_ten_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let client = Client::new(&address).expect("a client");
        let asked = client.status().await;
        let said = asked.expect_err("nobody answers").to_string();
        let address = client.address();
        assert_eq!(
            said,
            format!("smswatch at {address} gave no answer within 10s")
        );
        let following = client.follow(&crate::events::StreamQuery::default()).await;
        assert!(matches!(following, Err(CallError::TimedOut { .. })));
    }
}
