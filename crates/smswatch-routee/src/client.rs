//! Asks Routee about one message, or for a page of many.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use smswatch_outbound::{ClientOptions, HttpClient, Route, address};
use smswatch_plugin::model::MessageId;
use smswatch_plugin::provider::{
    InvalidPush, ListedPage, Listing, Poll, PollError, Provider, Pushed,
};
use smswatch_plugin::sink::Probe;
use smswatch_plugin::{Proxy, Secret, async_trait};

use crate::body::read_bounded;
use crate::token::{Token, Tokens};
use crate::tracking::InvalidTracking;
use crate::{callback, failure, guid, listing, refusal, tracking};

/// The largest answer to a poll that is read, in bytes: a message of many parts takes a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

/// The largest page that is read, in bytes: 2,000 rows, each with a text of 1,500 characters, take less.
const MAX_PAGE: usize = 8 * 1024 * 1024;

/// How to reach Routee.
#[derive(Debug, Clone)]
pub struct RouteeOptions {
    /// The application's id.
    pub application_id: String,
    /// Its secret.
    pub application_secret: Secret,
    /// Where messages are polled: `https://connect.routee.net`.
    pub api_url: String,
    /// Where tokens are had: `https://auth.routee.net`.
    pub auth_url: String,
    /// How long a poll may take, the request for a token included.
    pub timeout: Duration,
    /// Which proxy requests leave through.
    pub proxy: Proxy,
}

impl RouteeOptions {
    /// Whether this is the URL of a server that can be asked over HTTP.
    #[must_use]
    pub fn is_base_url(url: &str) -> bool {
        under("", url, &[]).is_ok()
    }
}

/// The options make no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// One of the addresses is none.
    #[error("`{0}` is no http or https URL")]
    Url(&'static str),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Client(#[from] smswatch_outbound::SetupError),
}

/// Routee, asked about single messages and for pages of many.
pub struct RouteeProvider {
    http: HttpClient,
    /// Tracking, which lists messages.
    tracking: Url,
    /// Tracking of single messages, without an id.
    single: Url,
    tokens: Tokens,
    timeout: Duration,
}

impl RouteeProvider {
    /// Makes a client; nothing is connected yet.
    ///
    /// # Errors
    ///
    /// A URL is none, or there is no TLS to be had.
    pub fn new(options: RouteeOptions) -> Result<Self, SetupError> {
        let token_url = under("auth_url", &options.auth_url, &["oauth", "token"])?;
        let tracking = under("api_url", &options.api_url, &["sms", "tracking"])?;
        let single = under("api_url", &options.api_url, &["sms", "tracking", "single"])?;
        let client = ClientOptions {
            urls: &[&token_url, &tracking],
            route: Route::new(&options.proxy),
            user_agent: &format!("smswatch/{}", smswatch_plugin::VERSION),
            follows_redirects: false,
            trusted: None,
        };
        // The timeout is not the client's: that of a poll holds for its token, too.
        let http = HttpClient::new(client, |client| {
            client.tcp_nodelay(true).pool_max_idle_per_host(usize::MAX)
        })?;
        let tokens = Tokens::new(
            http.clone(),
            token_url,
            options.application_id,
            options.application_secret,
            options.timeout,
        );
        Ok(Self {
            http,
            tracking,
            single,
            tokens,
            timeout: options.timeout,
        })
    }

    /// Sends a request with a token, and once more with a new one if that is refused.
    async fn ask(
        &self,
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, PollError> {
        let send = async |token: &Token| {
            let request = request(self.http.client());
            let request = request.header(AUTHORIZATION, token.authorization.clone());
            let answer = request.send().await;
            answer.map_err(|error| failure::of_request(&self.http, &error, &self.tracking))
        };
        let token = self.tokens.get(None).await?;
        let mut response = send(&token).await?;
        if is_refusal(response.status()) {
            // Once, not in a loop: a 403 is also the answer to an application without SMS.
            let token = self.tokens.get(Some(token.generation)).await?;
            response = send(&token).await?;
        }
        let status = response.status();
        if is_refusal(status) {
            let what = format!("Routee refuses a new token ({})", status.as_u16());
            return Err(PollError::refused(what));
        }
        Ok(response)
    }

    /// What `asking` comes to, if it does within the time for a poll.
    async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, PollError>>,
    ) -> Result<T, PollError> {
        let answer = tokio::time::timeout(self.timeout, asking).await;
        answer.unwrap_or_else(|_| {
            let server = address(&self.tracking);
            Err(PollError::failed(format!(
                "Routee gave no answer: {server} did not answer in time"
            )))
        })
    }

    /// A page, however long it takes.
    async fn list_page(
        &self,
        listing: &Listing,
        number: u32,
        size: u32,
    ) -> Result<ListedPage, PollError> {
        let question = listing::question(&self.tracking, listing, number, size);
        let response = self
            .ask(|client| match &question.filters {
                Some(filters) => client
                    .post(question.url.clone())
                    .header(CONTENT_TYPE, "application/json")
                    .body(filters.clone()),
                None => client.get(question.url.clone()),
            })
            .await?;
        let status = response.status();
        if status.is_success() {
            let body = read_bounded(&self.http, &self.tracking, response, MAX_PAGE).await?;
            return listing::read(number, &body).map_err(no_tracking);
        }
        if !matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST) {
            return Err(failure::of_status(status, response.headers()));
        }
        let failure = failure::of_status(status, response.headers());
        let body = read_bounded(&self.http, &self.tracking, response, MAX_BODY).await?;
        if listing::is_unknown(listing, status, &body) {
            return Ok(ListedPage::unknown());
        }
        Err(match status {
            StatusCode::BAD_REQUEST => PollError::failed(listing::refusal(&body)),
            _ => failure,
        })
    }

    /// A poll, however long it takes.
    async fn poll_message(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        let polled = self.poll_spelled(message_id).await?;
        let is_unknown = matches!(polled, Poll::Unknown | Poll::Invalid);
        let other = other_spelling(message_id).filter(|_| is_unknown);
        match other {
            Some(other) => self.poll_spelled(&other).await,
            None => Ok(polled),
        }
    }

    /// Asks for exactly this spelling of an id.
    async fn poll_spelled(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        let mut url = self.single.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(message_id.as_str());
        }
        let response = self.ask(|client| client.get(url.clone())).await?;
        let status = response.status();
        match status {
            status if status.is_success() => {
                let body = read_bounded(&self.http, &self.tracking, response, MAX_BODY).await?;
                tracking::parse(message_id, &body).map_err(no_tracking)
            }
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
                let failure = failure::of_status(status, response.headers());
                let body = read_bounded(&self.http, &self.tracking, response, MAX_BODY).await?;
                refusal::read(status, &body).ok_or(failure)
            }
            status => Err(failure::of_status(status, response.headers())),
        }
    }
}

/// The spelling in which Routee gives out an id that came in another one; whether it minds is not documented.
fn other_spelling(message_id: &MessageId) -> Option<MessageId> {
    let canonical = guid::canonical(message_id.as_str())?;
    let is_other = canonical != message_id.as_str();
    is_other.then(|| MessageId::new(canonical).ok()).flatten()
}

/// What it means that an answer is no tracking: a web page or an error comes from something that knows
/// nothing of the message; anything else is an answer about it.
fn no_tracking(why: InvalidTracking) -> PollError {
    let what = format!("Routee's answer cannot be read: {why}");
    match why {
        InvalidTracking::Page | InvalidTracking::Error => PollError::failed(what),
        InvalidTracking::Json
        | InvalidTracking::Strange
        | InvalidTracking::Cut
        | InvalidTracking::NoPage
        | InvalidTracking::NoRow
        | InvalidTracking::Withheld => PollError::unreadable(what),
    }
}

/// A path below a base URL.
fn under(name: &'static str, base: &str, path: &[&str]) -> Result<Url, SetupError> {
    let mut url: Url = base.parse().map_err(|_| SetupError::Url(name))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(SetupError::Url(name));
    }
    url.path_segments_mut()
        .map_err(|()| SetupError::Url(name))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

impl fmt::Debug for RouteeProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RouteeProvider")
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for RouteeProvider {
    fn name(&self) -> &'static str {
        "routee"
    }

    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        // No URL can name these: they mean the folder itself and the one above, however encoded.
        if matches!(message_id.as_str(), "." | "..") {
            return Ok(Poll::Unknown);
        }
        self.in_time(self.poll_message(message_id)).await
    }

    async fn list(&self, listing: &Listing, page: u32, size: u32) -> Result<ListedPage, PollError> {
        // No URL can name these campaigns, as with messages.
        if let Listing::Campaign(id) = listing
            && matches!(id.as_str(), "." | "..")
        {
            return Ok(ListedPage::unknown());
        }
        self.in_time(self.list_page(listing, page, size)).await
    }

    fn read_push(&self, body: &[u8]) -> Result<Pushed, InvalidPush> {
        callback::read(body)
    }

    async fn probe(&self) -> Result<Probe, PollError> {
        let asked = tokio::time::timeout(self.timeout, self.tokens.get(None)).await;
        let _token =
            asked.unwrap_or_else(|_| Err(PollError::failed("Routee did not answer in time")))?;
        Ok(Probe::Answered("Routee accepts the credentials".to_owned()))
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}
