//! Speaks to the API of a running service, for the commands that look at it or change it.

mod address;
mod answer;

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smswatch_api::health::ReadyReply;
use smswatch_api::list::ListReply;
use smswatch_outbound::{BodyError, ClientOptions, HttpClient, Route, read_body};
use smswatch_plugin::Proxy;

use self::address::{is_this_machine, service_url, without_secrets};
use self::answer::Answer;
pub(crate) use self::answer::Refused;
use crate::cli::ServiceArgs;
use crate::report::WrongUsage;

/// How long a call may take; registering ten thousand messages is the longest.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The largest answer that is read, in bytes: a page of a thousand events takes a few megabytes.
const MOST: usize = 256 * 1024 * 1024;

/// Speaks to the API of one service.
///
/// What it returns is the JSON that the service told, which `--json` prints as it is. [`read`] makes sense
/// of it for people.
pub(crate) struct Client {
    http: HttpClient,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    pub(crate) fn new(service: &ServiceArgs) -> anyhow::Result<Self> {
        let base = service_url(&service.url())?;
        let authorization = service.token().as_deref().map(bearer).transpose()?;
        let options = ClientOptions {
            urls: &[&base],
            route: match is_this_machine(&base) {
                true => Route::direct(),
                false => Route::new(&Proxy::Environment),
            },
            user_agent: concat!("smswatch/", env!("CARGO_PKG_VERSION")),
            follows_redirects: false,
        };
        let http = HttpClient::new(options, |client| client.timeout(TIMEOUT))?;
        Ok(Self {
            http,
            base,
            authorization,
        })
    }

    pub(crate) async fn get(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.call(Method::GET, path, &[], None).await
    }

    /// The same; `None` if the service knows no such thing.
    pub(crate) async fn find(&self, path: &[&str]) -> anyhow::Result<Option<Value>> {
        self.look_up(Method::GET, path, None).await
    }

    /// The part of a list that `query` asks for, whose fields are texts.
    pub(crate) async fn list(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> anyhow::Result<ListReply<Value>> {
        let query = serde_json::to_value(query).context("could not write the request")?;
        read(&self.call(Method::GET, path, &texts(&query), None).await?)
    }

    /// What a query with these fields, which are texts, is answered; `None` if the service knows no such thing.
    pub(crate) async fn query(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> anyhow::Result<Option<Value>> {
        let query = serde_json::to_value(query).context("could not write the request")?;
        let answer = self.send(Method::GET, path, &texts(&query), None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.good(answer).await.map(Some)
    }

    pub(crate) async fn post(&self, path: &[&str], body: &impl Serialize) -> anyhow::Result<Value> {
        self.call(Method::POST, path, &[], Some(written(body)?))
            .await
    }

    /// The same; `None` if the service knows no such thing.
    pub(crate) async fn try_post(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<Option<Value>> {
        let body = written(body)?;
        self.look_up(Method::POST, path, Some(body)).await
    }

    /// Deletes something, and returns whether it was there.
    pub(crate) async fn delete(&self, path: &[&str]) -> anyhow::Result<bool> {
        Ok(self.look_up(Method::DELETE, path, None).await?.is_some())
    }

    /// What `/readyz` says, whether it is ready or not.
    pub(crate) async fn readiness(&self) -> anyhow::Result<Value> {
        let answer = self.send(Method::GET, &["readyz"], &[], None).await?;
        Ok(answer.body)
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<Value> {
        let answer = self.send(method, path, query, body).await?;
        self.good(answer).await
    }

    async fn look_up(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<Option<Value>> {
        let answer = self.send(method, path, &[], body).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.good(answer).await.map(Some)
    }

    /// The body of an answer that means success; otherwise an error that says what to do.
    async fn good(&self, answer: Answer) -> anyhow::Result<Value> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let mut refused = answer.refused(&self.shown(), self.authorization.is_some());
        if refused.is_about_the_store()
            && let Ok(told) = self.readiness().await
            && let Ok(mut readiness) = read::<ReadyReply>(&told)
            && let Some(store) = readiness.parts.remove("store")
            && let Some(trouble) = store.trouble
        {
            refused.blame_store(&trouble);
        }
        Err(refused.into())
    }

    /// Calls, and reads the answer, which is one of smswatch.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<Answer> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow!("`--url` is not a URL"))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.client().request(method, url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(response, MOST).await;
        let body = body.map_err(|error| match error {
            BodyError::Broken(error) => self.unreachable(&error),
            error => anyhow!("the answer of {} cannot be read: {error}", self.shown()),
        })?;
        Answer::read(status, &headers, &body)
            .ok_or_else(|| anyhow!(answer::foreign(&self.shown(), status)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let shown = self.shown();
        if error.is_timeout() && !error.is_connect() {
            return anyhow!("smswatch at {shown} gave no answer within {TIMEOUT:?}");
        }
        let cause = self.http.explain(error, &self.base);
        anyhow!(
            "could not reach smswatch at {shown}: {cause}; is it running? `--url` or SMSWATCH_URL \
             names another address"
        )
    }

    /// The service's address without what may be a secret.
    fn shown(&self) -> String {
        without_secrets(self.base.clone())
    }
}

/// The fields of a query that are texts.
fn texts(query: &Value) -> Vec<(&str, &str)> {
    let fields = query.as_object().into_iter().flatten();
    let fields = fields.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    fields.collect()
}

fn written(body: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    serde_json::to_vec(body).context("could not write the request")
}

/// Makes sense of what the service told, or of a part of it.
///
/// # Errors
///
/// It lacks what every version told so far, or tells it in another form.
pub(crate) fn read<T: DeserializeOwned>(told: &Value) -> anyhow::Result<T> {
    T::deserialize(told).map_err(|error| {
        anyhow!(
            "this version of smswatch cannot read the answer of the one that runs: {error}; `--json` \
             shows it"
        )
    })
}

fn bearer(token: &str) -> Result<HeaderValue, WrongUsage> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        WrongUsage::new(
            "the token (`--token` or SMSWATCH_TOKEN) has characters that no header can hold",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use smswatch_api::deliveries::RetriedReply;

    use super::*;

    #[test]
    fn a_token_that_no_header_can_hold_is_wrong_usage() {
        assert!(bearer("a\nb").is_err());
    }

    #[test]
    fn an_answer_that_cannot_be_read_says_what_is_missing() {
        let error =
            read::<RetriedReply>(&json!({"revived": 1})).expect_err("it is of another kind");
        insta::assert_snapshot!(error, @"this version of smswatch cannot read the answer of the one that runs: missing field `retried`; `--json` shows it");
    }
}
