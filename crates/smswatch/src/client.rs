//! Speaks to the API of a running service, for the commands that look at it or change it.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::cli::ServiceArgs;

/// How long a call may take; registering ten thousand messages is the longest.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The service answered, and did not do it.
#[derive(Debug, thiserror::Error)]
#[error("the service answered {status}: {message}")]
pub(crate) struct Refused {
    status: u16,
    /// Why not, in the service's words.
    pub(crate) message: String,
}

/// The error that an answer means which is no success.
fn refused(status: StatusCode, body: &Value) -> anyhow::Error {
    let message = body["error"]["message"].as_str();
    Refused {
        status: status.as_u16(),
        message: message.unwrap_or("it gave no reason").to_owned(),
    }
    .into()
}

pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(service: &ServiceArgs) -> anyhow::Result<Self> {
        let base: Url = service.url.parse().context("`--url` is not a URL")?;
        if base.cannot_be_a_base() {
            bail!("`--url` is not a URL such as http://127.0.0.1:8080");
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("smswatch/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .context("could not make an HTTP client")?;
        Ok(Self {
            http,
            base,
            token: service.token.clone(),
        })
    }

    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.call(Method::GET, path, query, None).await
    }

    /// The same, with none where the service knows no such thing.
    pub(crate) async fn find(&self, path: &[&str]) -> anyhow::Result<Option<Value>> {
        self.answer(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// The same, with none where the service knows no such thing.
    pub(crate) async fn try_post(
        &self,
        path: &[&str],
        body: &Value,
    ) -> anyhow::Result<Option<Value>> {
        self.answer(Method::POST, path, &[], Some(body)).await
    }

    /// Deletes something; answers whether it was there.
    pub(crate) async fn delete(&self, path: &[&str]) -> anyhow::Result<bool> {
        Ok(self
            .answer(Method::DELETE, path, &[], None)
            .await?
            .is_some())
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let (status, body) = self.send(method, path, query, body).await?;
        match status.is_success() {
            true => Ok(body),
            false if status == StatusCode::NOT_FOUND => {
                let message = body["error"]["message"].as_str();
                bail!(
                    "{}",
                    message.unwrap_or("the service knows nothing of that name")
                )
            }
            false => Err(refused(status, &body)),
        }
    }

    /// What `/readyz` says, be it ready or not.
    pub(crate) async fn readiness(&self) -> anyhow::Result<Value> {
        let (_, body) = self.send(Method::GET, &["readyz"], &[], None).await?;
        Ok(body)
    }

    async fn answer(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Option<Value>> {
        let (status, body) = self.send(method, path, query, body).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status.is_success() {
            return Ok(Some(body));
        }
        Err(refused(status, &body))
    }

    /// Calls, and reads the answer; what is no JSON is null.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow!("`--url` is not a URL"))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            let body = serde_json::to_vec(body).context("could not write the request")?;
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let unreachable = || format!("could not reach smswatch at {}; is it running?", self.base);
        let response = request
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(unreachable)?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(unreachable)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
