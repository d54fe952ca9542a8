//! What it means when Routee, or something before it, answers with anything but tracking.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use smswatch_core::provider::LookError;
use smswatch_core::retry_after;

/// The longest wait that is taken from a `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// When the answer asks to be asked again.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let wait = retry_after(header, SystemTime::now())?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The failure that a status stands for.
pub(crate) fn of_status(status: StatusCode, headers: &HeaderMap) -> LookError {
    let what = format!("Routee answered {}", status.as_u16());
    let error = match status {
        StatusCode::TOO_MANY_REQUESTS => LookError::throttled(what),
        _ => LookError::failed(what),
    };
    error.after(wait(headers))
}

/// The failure of a request that was not answered; the URL is left out of it.
pub(crate) fn of_request(error: reqwest::Error) -> LookError {
    let what = if error.is_timeout() {
        "Routee did not answer in time"
    } else if error.is_connect() {
        "Routee could not be reached"
    } else {
        "the connection to Routee failed"
    };
    tracing::debug!(error = %error.without_url(), what);
    LookError::failed(what)
}
