//! The access token: asked for once by however many need it, renewed before it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::de::{IgnoredAny, MapAccess};
use smswatch_outbound::HttpClient;
use smswatch_plugin::Secret;
use smswatch_plugin::provider::{PollError, PollFailure};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::body::read_bounded;
use crate::failure;
use crate::loose::{Fields, Numeric, Text, documented};
use crate::rows::read_object;

/// How long a token is taken to live when Routee does not say it in a usable way.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// How long before its end a token is renewed, at most; half its life when that is shorter.
const MARGIN: Duration = Duration::from_secs(60);

/// The shortest time between two requests for a token: one that failed would fail again, and a renewal
/// may bring back the same, nearly dead token, because Routee hands out the living one with its
/// remaining seconds.
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
    ends_at: Instant,
}

/// What came of a request for a token, for all who waited for it.
type Outcome = Result<Token, Arc<PollError>>;

/// Keeps one token for all polls.
#[derive(Debug)]
pub(crate) struct Tokens {
    door: Arc<Door>,
    state: Arc<Mutex<State>>,
}

/// Where tokens are had, and what for.
#[derive(Debug)]
struct Door {
    http: HttpClient,
    url: Url,
    application_id: String,
    application_secret: Secret,
    /// How long one request may take.
    timeout: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// The token in use.
    current: Option<Token>,
    generation: u64,
    refusals: u32,
    /// What the last request came to, and until when nothing else is to be expected.
    failed: Option<(Arc<PollError>, Instant)>,
    /// The request that is under way. It belongs to none of those who wait for it: a poll that ends
    /// early takes nothing from the others.
    asking: Option<watch::Receiver<Option<Outcome>>>,
}

/// What the token endpoint answers; it is never shown.
#[derive(Default)]
struct Answer {
    access_token: Text,
    expires_in: Numeric,
}

impl Fields for Answer {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match documented(name, &["access_token", "expires_in"]) {
            "access_token" => self.access_token.take(map),
            "expires_in" => self.expires_in.take(map),
            _ => map.next_value::<IgnoredAny>().map(drop),
        }
    }

    fn tells(&self) -> bool {
        self.access_token.0.is_some()
    }
}

impl Tokens {
    /// Makes a keeper of tokens that are had at `url`; one request takes at most `timeout`.
    pub(crate) fn new(
        http: HttpClient,
        url: Url,
        application_id: String,
        secret: Secret,
        timeout: Duration,
    ) -> Self {
        Self {
            door: Arc::new(Door {
                http,
                url,
                application_id,
                application_secret: secret,
                timeout,
            }),
            state: Arc::default(),
        }
    }

    /// A token that is good as far as is known; `rejected` is one that Routee no longer takes.
    ///
    /// Whoever needs one while it is asked for waits for that answer, and has it whatever it is: if
    /// each asked again in turn, the last would wait for as many times as there are polls.
    pub(crate) async fn get(&self, rejected: Option<u64>) -> Result<Token, PollError> {
        let mut asking = {
            let mut state = lock(&self.state);
            if let Some(token) = state.good(rejected) {
                return Ok(token);
            }
            if let Some(error) = state.failure() {
                return state.newer(rejected).ok_or(error);
            }
            let asking = state.asking.take().unwrap_or_else(|| self.ask());
            let asking = state.asking.insert(asking).clone();
            // The old token will do until the new one is there.
            if let Some(token) = state.living(rejected) {
                return Ok(token);
            }
            asking
        };
        let outcome = asking.wait_for(Option::is_some).await;
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        match outcome {
            Some(Ok(token)) => Ok(token),
            // The old token may live longer than it was said to.
            Some(Err(error)) => lock(&self.state)
                .newer(rejected)
                .ok_or_else(|| copy(&error)),
            None => {
                lock(&self.state).asking = None;
                Err(PollError::failed("the request for a token broke off"))
            }
        }
    }

    /// Asks for a token beside all who wait for it.
    fn ask(&self) -> watch::Receiver<Option<Outcome>> {
        let (told, asking) = watch::channel(None);
        let (door, state) = (Arc::clone(&self.door), Arc::clone(&self.state));
        tokio::spawn(async move {
            let answer = door.ask().await;
            let outcome = lock(&state).note(answer);
            told.send_replace(Some(outcome));
        });
        asking
    }
}

impl State {
    /// The token in use, if nothing speaks against it.
    fn good(&self, rejected: Option<u64>) -> Option<Token> {
        self.newer(rejected)
            .filter(|token| Instant::now() < token.renew_at)
    }

    /// The same, if it only has not ended.
    fn living(&self, rejected: Option<u64>) -> Option<Token> {
        self.newer(rejected)
            .filter(|token| Instant::now() < token.ends_at)
    }

    /// The token in use, if it came after the rejected one.
    fn newer(&self, rejected: Option<u64>) -> Option<Token> {
        let is_newer = |token: &&Token| rejected.is_none_or(|old| old < token.generation);
        self.current.as_ref().filter(is_newer).cloned()
    }

    /// The latest failure, while asking again is of no use.
    fn failure(&self) -> Option<PollError> {
        let (error, until) = self.failed.as_ref()?;
        let wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return None;
        }
        let error = copy(error);
        Some(match error.kind() {
            PollFailure::Refused => error.after(Some(wait)),
            _ => error,
        })
    }

    /// Notes what came of the request.
    fn note(&mut self, answer: Result<(HeaderValue, Duration), PollError>) -> Outcome {
        self.asking = None;
        let now = Instant::now();
        let (error, pause) = match answer {
            Ok((authorization, life)) => {
                self.generation += 1;
                self.refusals = 0;
                self.failed = None;
                let token = Token {
                    generation: self.generation,
                    authorization,
                    renew_at: now + (life - MARGIN.min(life / 2)).max(SHORTEST),
                    ends_at: now + life.max(SHORTEST),
                };
                self.current = Some(token.clone());
                return Ok(token);
            }
            Err(error) if error.kind() == PollFailure::Refused => {
                let pause = Duration::from_secs(1 << self.refusals.min(10)).min(MAX_PAUSE);
                self.refusals = self.refusals.saturating_add(1);
                self.current = None;
                (error.after(Some(pause)), pause)
            }
            Err(error) => (error, SHORTEST),
        };
        let error = Arc::new(error);
        self.failed = Some((Arc::clone(&error), now + pause));
        Err(error)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same failure once more, for another poll.
fn copy(error: &PollError) -> PollError {
    let failure = match error.kind() {
        PollFailure::Failed | PollFailure::Unreadable => PollError::failed(error),
        PollFailure::Throttled => PollError::throttled(error),
        PollFailure::Refused => PollError::refused(error),
    };
    failure.after(error.retry_after())
}

impl Door {
    async fn ask(&self) -> Result<(HeaderValue, Duration), PollError> {
        let client = self.http.client();
        let request = client
            .post(self.url.clone())
            .basic_auth(&self.application_id, Some(self.application_secret.reveal()))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .timeout(self.timeout)
            .body("grant_type=client_credentials");
        let response = request.send().await;
        let response =
            response.map_err(|error| failure::of_request(&self.http, &error, &self.url))?;
        let status = response.status();
        // Their bodies may hold the token itself: they are not even read.
        match status {
            status if status.is_success() => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let what = format!("Routee refuses the credentials ({})", status.as_u16());
                return Err(PollError::refused(what));
            }
            _ => return Err(failure::of_status(status, response.headers())),
        }
        // What is wrong with a token's answer is no message's trouble.
        let body = read_bounded(&self.http, &self.url, response, MAX_BODY)
            .await
            .map_err(PollError::failed)?;
        let unreadable = || PollError::failed("Routee's token could not be read");
        let answer: Answer = read_object(&body).ok_or_else(unreadable)?;
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
