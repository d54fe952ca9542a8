//! What it means when Routee, or something before it, answers with anything but tracking.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use smswatch_outbound::HttpClient;
use smswatch_plugin::provider::PollError;
use smswatch_plugin::retry_after;

/// The longest wait that is taken from a `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// When the answer asks to be asked again.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let wait = retry_after(header, SystemTime::now())?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The failure that a status stands for.
pub(crate) fn of_status(status: StatusCode, headers: &HeaderMap) -> PollError {
    let what = match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "the proxy before Routee wants another login (407)".to_owned()
        }
        _ => format!("Routee answered {}", status.as_u16()),
    };
    let error = match status {
        StatusCode::TOO_MANY_REQUESTS => PollError::throttled(what),
        _ => PollError::failed(what),
    };
    error.after(wait(headers))
}

/// The failure of a request that was not answered, with its cause; of the URL only host and port are
/// told.
pub(crate) fn of_request(http: &HttpClient, error: &reqwest::Error, url: &Url) -> PollError {
    let cause = http.explain(error, url);
    PollError::failed(match error.is_connect() {
        true => format!("Routee could not be reached: {cause}"),
        false => format!("Routee gave no answer: {cause}"),
    })
}
