//! The access token: asked for once by however many need it, renewed before it ends.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use smswatch_core::Secret;
use smswatch_core::provider::LookError;
use tokio::sync::Mutex;

use crate::body::read_bounded;
use crate::failure;
use crate::loose::{Numeric, Text};

/// How long a token is taken to live when Routee does not say it in a usable way.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// How long before its end a token is renewed, at most; half its life when that is shorter.
const MARGIN: Duration = Duration::from_secs(60);

/// The shortest time between two requests for a token: a renewal may bring back the same, nearly
/// dead token, because Routee hands out the living one with its remaining seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest pause between two tries of credentials that were refused.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The largest answer of the token endpoint that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A token, and the number that tells it from its successors.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) generation: u64,
    /// The header's value, marked as sensitive: it is not shown.
    pub(crate) authorization: HeaderValue,
    renew_at: Instant,
}

/// Keeps one token for all looks.
#[derive(Debug)]
pub(crate) struct Tokens {
    http: Client,
    url: Url,
    application_id: String,
    application_secret: Secret,
    /// The token in use, for those who find it good.
    current: RwLock<Option<Token>>,
    /// Held while a token is asked for: whoever else needs one waits for the answer.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    refusals: u32,
    /// Until when the credentials are not tried again.
    refused_until: Option<Instant>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    access_token: Text,
    #[serde(default)]
    expires_in: Numeric,
}

impl Tokens {
    pub(crate) fn new(http: Client, url: Url, application_id: String, secret: Secret) -> Self {
        Self {
            http,
            url,
            application_id,
            application_secret: secret,
            current: RwLock::default(),
            state: Mutex::default(),
        }
    }

    /// A token that is good as far as is known; `rejected` is one that Routee no longer takes.
    pub(crate) async fn get(&self, rejected: Option<u64>) -> Result<Token, LookError> {
        if let Some(token) = self.good(rejected) {
            return Ok(token);
        }
        let mut state = self.state.lock().await;
        // Somebody else may have brought one meanwhile.
        if let Some(token) = self.good(rejected) {
            return Ok(token);
        }
        if let Some(until) = state.refused_until {
            let wait = until.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                return Err(LookError::refused("Routee refuses the credentials").after(Some(wait)));
            }
        }
        match self.ask().await {
            Ok((authorization, life)) => {
                state.generation += 1;
                state.refusals = 0;
                state.refused_until = None;
                let renew_in = (life - MARGIN.min(life / 2)).max(SHORTEST);
                let token = Token {
                    generation: state.generation,
                    authorization,
                    renew_at: Instant::now() + renew_in,
                };
                self.set(Some(token.clone()));
                Ok(token)
            }
            Err(error) if error.kind() == smswatch_core::provider::LookFailure::Refused => {
                let pause = Duration::from_secs(1 << state.refusals.min(10)).min(MAX_PAUSE);
                state.refusals = state.refusals.saturating_add(1);
                state.refused_until = Some(Instant::now() + pause);
                self.set(None);
                Err(error.after(Some(pause)))
            }
            // The old token may live longer than the trouble lasts.
            Err(error) => self.newer(rejected).ok_or(error),
        }
    }

    /// The token in use, if nothing speaks against it.
    fn good(&self, rejected: Option<u64>) -> Option<Token> {
        self.newer(rejected)
            .filter(|token| Instant::now() < token.renew_at)
    }

    /// The token in use, if it came after the rejected one.
    fn newer(&self, rejected: Option<u64>) -> Option<Token> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .filter(|token| rejected.is_none_or(|rejected| rejected < token.generation))
            .cloned()
    }

    fn set(&self, token: Option<Token>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    async fn ask(&self) -> Result<(HeaderValue, Duration), LookError> {
        let request = self
            .http
            .post(self.url.clone())
            .basic_auth(&self.application_id, Some(self.application_secret.reveal()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let response = request.send().await.map_err(failure::of_request)?;
        let status = response.status();
        // Their bodies may hold the token itself: they are not even read.
        match status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let what = format!("Routee refuses the credentials ({})", status.as_u16());
                return Err(LookError::refused(what));
            }
            _ => return Err(failure::of_status(status, response.headers())),
        }
        let body = read_bounded(response, MAX_BODY).await?;
        let unreadable = || LookError::failed("Routee's token could not be read");
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let bearer = answer
            .access_token
            .0
            .filter(|token| token.bytes().all(|b| b.is_ascii_graphic()));
        let bearer = bearer.ok_or_else(unreadable)?;
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {bearer}")).map_err(|_| unreadable())?;
        authorization.set_sensitive(true);
        Ok((authorization, life(&answer.expires_in)))
    }
}

/// How long a token lives: anything strange is taken for a short life.
fn life(expires_in: &Numeric) -> Duration {
    /// Twenty years, the longest that Routee gives out.
    const LONGEST: f64 = 631_139_040.0;
    let seconds = expires_in.0.as_ref().and_then(serde_json::Number::as_f64);
    match seconds {
        Some(seconds) if seconds > 0.0 => Duration::from_secs_f64(seconds.min(LONGEST)),
        Some(_) => SHORTEST,
        None => DEFAULT_LIFE,
    }
}
