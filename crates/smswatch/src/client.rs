//! Speaks to the API of a running service, for the commands that look at it or change it.

mod answer;

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use smswatch_outbound::{BodyError, ClientOptions, HttpClient, Route, read_body};
use smswatch_plugin::Proxy;

use self::answer::Answer;
pub(crate) use self::answer::Refused;
use crate::cli::ServiceArgs;
use crate::report::WrongUsage;

/// How long a call may take; registering ten thousand messages is the longest.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The largest answer that is read, in bytes: a page of a thousand events takes a few megabytes.
const MOST: usize = 256 * 1024 * 1024;

pub(crate) struct Client {
    http: HttpClient,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    pub(crate) fn new(service: &ServiceArgs) -> anyhow::Result<Self> {
        let base = base(&service.url())?;
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

    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.call(Method::GET, path, query, None).await
    }

    /// The same; `None` if the service knows no such thing.
    pub(crate) async fn find(&self, path: &[&str]) -> anyhow::Result<Option<Value>> {
        self.look_up(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// The same; `None` if the service knows no such thing.
    pub(crate) async fn try_post(
        &self,
        path: &[&str],
        body: &Value,
    ) -> anyhow::Result<Option<Value>> {
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
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let answer = self.send(method, path, query, body).await?;
        self.good(answer).await
    }

    async fn look_up(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
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
            && let Ok(readiness) = self.readiness().await
            && let Some(trouble) = readiness["parts"]["store"]["trouble"].as_str()
        {
            refused.blame_store(trouble);
        }
        Err(refused.into())
    }

    /// Calls, and reads the answer, which is one of smswatch.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
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
            let body = serde_json::to_vec(body).context("could not write the request")?;
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
        let mut base = self.base.clone();
        base.set_query(None);
        // A URL with a host takes both.
        let _without_login = (base.set_username(""), base.set_password(None));
        base.as_str().trim_end_matches('/').to_owned()
    }
}

fn base(text: &str) -> Result<Url, WrongUsage> {
    let url = text.parse::<Url>().ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        WrongUsage::new(
            "`--url` (or SMSWATCH_URL) must be an http or https URL, such as http://127.0.0.1:8080",
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

/// Whether `url` stays on this machine, which no proxy can reach for us.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    is_loopback || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_on_this_machine_goes_through_no_proxy() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", true),
            ("http://127.1.2.3", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8080", true),
            ("http://sms.localhost", true),
            ("http://192.168.0.1:8080", false),
            ("https://sms.example.com", false),
            ("http://localhost.example.com", false),
        ] {
            assert_eq!(is_this_machine(&url.parse().expect(url)), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_and_what_is_no_token_is_wrong_usage() {
        for url in [
            "",
            "127.0.0.1:8080",
            "ftp://127.0.0.1",
            "http://",
            "mailto:a@b",
        ] {
            assert!(base(url).is_err(), "{url}");
        }
        assert!(base("http://127.0.0.1:8080").is_ok());
        assert!(bearer("a\nb").is_err());
    }
}
