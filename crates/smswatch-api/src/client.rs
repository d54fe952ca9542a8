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

/// How long a call may take; registering ten thousand messages is the longest.
const TIMEOUT: Duration = Duration::from_secs(60);

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
        self.good(self.send(request).await?).await
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
        self.found(self.send(request).await?).await
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
        let request = self.posting(path, body)?;
        self.good(self.send(request).await?).await
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
        let request = self.posting(path, body)?;
        self.found(self.send(request).await?).await
    }

    /// Deletes what is at `path`, and returns whether it was there.
    ///
    /// # Errors
    ///
    /// The service does not answer, or does not do it.
    pub async fn delete(&self, path: &[&str]) -> Result<bool, CallError> {
        let request = self.request(Method::DELETE, path, &());
        Ok(self.found(self.send(request).await?).await?.is_some())
    }

    /// What `/readyz` says, whether it is ready or not.
    ///
    /// # Errors
    ///
    /// The service does not answer.
    pub async fn readiness_json(&self) -> Result<Value, CallError> {
        let request = self.request(Method::GET, &["readyz"], &());
        Ok(self.send(request).await?.body)
    }

    fn posting(&self, path: &[&str], body: &impl Serialize) -> Result<RequestBuilder, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| self.unreadable(&error))?;
        let request = self.request(Method::POST, path, &());
        Ok(request
            .header("content-type", "application/json")
            .body(body))
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
    async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        let sent = request.timeout(TIMEOUT).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(response, MOST).await;
        let body = body.map_err(|error| match error {
            BodyError::Broken(error) => self.unreachable(&error),
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

    fn unreachable(&self, error: &reqwest::Error) -> CallError {
        let address = self.address();
        match error.is_timeout() && !error.is_connect() {
            true => CallError::TimedOut {
                address,
                after: TIMEOUT,
            },
            false => CallError::Unreachable {
                address,
                cause: self.http.explain(error, &self.base),
            },
        }
    }
}
