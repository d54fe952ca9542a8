//! The door for what Routee pushes: one path with a secret at its end, and nothing else.
//!
//! Routee signs nothing, so the secret is all that tells its calls from others. A wrong one gets the same
//! answer as a path that does not exist.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{from_fn, map_response};
use axum::routing::post;
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};
use smswatch_api::problem::ProblemCode;
use smswatch_core::{PushError, Service};
use smswatch_plugin::Secret;

use crate::connections::CameFrom;
use crate::described::{Access, Operation, Routes};
use crate::door::StartupGate;
use crate::guard::catch_panics;
use crate::headers::common_headers;
use crate::problem::{Problem, no_such_method, no_such_path};
use crate::request_id::name_request;

/// How large a callback may be, in bytes: one of a message with a long text takes two kilobytes.
const MAX_BODY: usize = 64 * 1024;

/// How long a callback may take to arrive, and how long to be stored. Routee waits for two seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long after a line in the log about callbacks that were refused the next one of its kind may come: strangers may call
/// as often as they like.
const QUIET: Duration = Duration::from_secs(600);

/// Who may call back.
#[derive(Debug, Clone, Default)]
pub struct CallbackOptions {
    /// What the path may end with: several while one replaces the other. If empty, no callback is accepted.
    pub secrets: Vec<Secret>,
    /// From where; empty: from anywhere.
    pub networks: Vec<IpNet>,
}

/// Who may call back, as it is now. Cheap to clone; all clones change together.
#[derive(Debug, Clone)]
pub struct CallbackDoor {
    known: Arc<RwLock<Arc<Known>>>,
    refusals: Arc<Refusals>,
}

/// When it was logged last that callbacks were refused, by the name under which they are counted.
#[derive(Debug, Default)]
struct Refusals(Mutex<HashMap<&'static str, Instant>>);

impl Refusals {
    /// Logs that callbacks are refused, if that was not logged just before.
    fn log(&self, counted: &'static str, why: &str) {
        if self.are_news(counted) {
            tracing::warn!(why, "callbacks are refused: what they tell is not taken");
        }
    }

    fn are_news(&self, counted: &'static str) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = logged.get(counted).is_none_or(|at| at.elapsed() >= QUIET);
        if is_news {
            logged.insert(counted, Instant::now());
        }
        is_news
    }
}

/// Only digests of secrets are kept: comparing those takes no time that would tell how much of a guess was
/// right.
struct Known {
    secrets: Vec<[u8; 32]>,
    networks: Vec<IpNet>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Known {
    fn new(options: &CallbackOptions) -> Self {
        let secrets = options.secrets.iter();
        Self {
            secrets: secrets.map(|secret| digest(secret.reveal())).collect(),
            networks: options.networks.clone(),
        }
    }

    fn is_near(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&from))
    }
}

impl CallbackDoor {
    pub(crate) fn new(options: &CallbackOptions) -> Self {
        Self {
            known: Arc::new(RwLock::new(Arc::new(Known::new(options)))),
            refusals: Arc::default(),
        }
    }

    /// Lets these in from now on.
    pub fn replace(&self, options: &CallbackOptions) {
        let known = Arc::new(Known::new(options));
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The path of callbacks, with what it takes and answers.
pub(crate) fn routes() -> Routes<(StartupGate, CallbackDoor)> {
    Routes::of_service("", Access::Secret).post(
        "/callbacks/routee/{secret}",
        take,
        Operation::new("takeCallback", "Takes in what Routee pushes")
            .body::<serde_json::Map<String, serde_json::Value>>()
            .answers_empty(200, "it is stored"),
    )
}

/// The path of callbacks.
pub(crate) fn router(gate: StartupGate, door: CallbackDoor) -> Router {
    routes()
        .into_router()
        // Whoever pastes the URL into a form may leave a slash behind it.
        .route("/callbacks/routee/{secret}/", post(take))
        .method_not_allowed_fallback(no_such_method)
        .with_state((gate, door))
}

/// The path of callbacks, and nothing beside it.
pub(crate) fn alone(gate: StartupGate, door: CallbackDoor) -> Router {
    router(gate, door)
        .fallback(no_such_path)
        .layer(from_fn(catch_panics))
        .layer(map_response(common_headers))
        .layer(from_fn(name_request))
}

/// Takes in one callback; answers 200 once it is stored.
async fn take(
    State((gate, door)): State<(StartupGate, CallbackDoor)>,
    Extension(CameFrom(from)): Extension<CameFrom>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let known = door.known();
    let is_known = known.secrets.contains(&digest(&secret));
    let is_near = known.is_near(from.ip());
    let Some(service) = gate.service() else {
        let message = "smswatch is starting";
        return Err(match is_known && is_near {
            true => Problem::try_again(ProblemCode::Starting, message),
            false => no_such_path().await,
        });
    };
    let refused = |counted, why| {
        service.count_push(counted);
        door.refusals.log(counted, why);
    };
    if !is_near {
        refused(
            "foreign",
            "they come from other addresses than `callbacks.networks`",
        );
        return Err(no_such_path().await);
    }
    if !is_known {
        refused(
            "wrong_secret",
            "the secret at the end of their URL is not that of `callbacks`",
        );
        return Err(no_such_path().await);
    }
    let body = receive(&headers, body)
        .await
        .inspect_err(|(counted, _)| {
            refused(counted, "they are too large, or do not arrive as a whole")
        })
        .map_err(|(_, problem)| problem)?;
    store(&service, &body, &door.refusals).await
}

/// The body, within bounds; else why it was not taken, as it is counted and as it is answered.
async fn receive(headers: &HeaderMap, body: Body) -> Result<Bytes, (&'static str, Problem)> {
    let too_large = || {
        let message = "a callback may have 64 KiB at most";
        let (status, code) = (StatusCode::PAYLOAD_TOO_LARGE, ProblemCode::TooLarge);
        ("too_large", Problem::new(status, code, message))
    };
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(TIMEOUT, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_length(&error) => Err(too_large()),
        Ok(Err(_)) => {
            let message = "the body did not arrive as a whole";
            Err((
                "invalid",
                Problem::unreadable(ProblemCode::InvalidBody, message),
            ))
        }
        Err(_) => {
            let message = "the body took too long to arrive";
            let (status, code) = (StatusCode::REQUEST_TIMEOUT, ProblemCode::Timeout);
            Err(("too_slow", Problem::new(status, code, message)))
        }
    }
}

fn is_length(error: &axum::Error) -> bool {
    use std::error::Error as _;
    error
        .source()
        .is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

async fn store(service: &Service, body: &[u8], refusals: &Refusals) -> Result<StatusCode, Problem> {
    let Ok(taken) = tokio::time::timeout(TIMEOUT, service.push(body)).await else {
        service.count_push("unavailable");
        let message = "the callback could not be stored in time";
        return Err(Problem::try_again(ProblemCode::StoreUnavailable, message));
    };
    match taken {
        Ok(_) => Ok(StatusCode::OK),
        Err(error @ PushError::Invalid(_)) => {
            refusals.log("invalid", "they cannot be read as callbacks of Routee");
            let code = ProblemCode::InvalidBody;
            Err(Problem::unreadable(code, error.to_string()))
        }
        Err(PushError::Off) => Err(no_such_path().await),
        Err(error @ (PushError::TooManyNew | PushError::Full)) => {
            Err(Problem::try_again(ProblemCode::Busy, &error.to_string()))
        }
        Err(PushError::Store(error)) => {
            tracing::debug!(%error, "a callback could not be stored");
            let message = "the callback could not be stored";
            Err(Problem::try_again(ProblemCode::StoreUnavailable, message))
        }
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_kind_are_logged_once_in_a_while() {
        let refusals = Refusals::default();
        let kinds = ["wrong_secret", "wrong_secret", "foreign", "wrong_secret"];
        assert_eq!(
            kinds.map(|kind| refusals.are_news(kind)),
            [true, false, true, false]
        );
    }
}
