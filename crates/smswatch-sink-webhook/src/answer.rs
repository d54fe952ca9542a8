//! What a receiver's answer means, and how much of it is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use smswatch_core::sink::{DeliveryError, Receipt};

use crate::redact::Redactor;

/// How many bytes of an answer are kept for people to read.
const KEPT: usize = 400;

/// How many bytes of an answer are read, so that its connection can be used again.
const READ: usize = 16 * 1024;

/// How long reading an answer's body may take once its status is known.
const READ_TIME: Duration = Duration::from_secs(2);

/// Reads a bounded part of the answer and judges it.
pub(crate) async fn judge(
    response: Response,
    redactor: &Redactor,
) -> Result<Receipt, DeliveryError> {
    let status = response.status();
    let wait = retry_after(response.headers(), SystemTime::now());
    let words = redactor.clean(words(response).await);
    if status.is_success() {
        return Ok(if words.is_empty() {
            Receipt::new(status)
        } else {
            Receipt::new(format_args!("{status}: {words}"))
        });
    }
    let mut what = format!("the receiver answered {status}");
    if !words.is_empty() {
        what.push_str(": ");
        what.push_str(&words);
    }
    Err(match (status.as_u16(), wait) {
        (410, _) => DeliveryError::gone(what),
        (400 | 405 | 413 | 415 | 422, _) => DeliveryError::permanent(what),
        (429 | 503, Some(wait)) => DeliveryError::retry_after(what, wait),
        _ => DeliveryError::temporary(what),
    })
}

/// The beginning of the body, as text. What comes later is read and dropped, within bounds.
async fn words(mut response: Response) -> String {
    if response.content_length() == Some(0) || response.status() == StatusCode::NO_CONTENT {
        return String::new();
    }
    let mut kept = Vec::new();
    let read = async {
        let mut left = READ;
        // A broken body does not change what the status said.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = KEPT - kept.len();
            kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Running out of time is no error either; the connection is closed with the response.
    let _out_of_time = tokio::time::timeout(READ_TIME, read).await.is_err();
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// How long the receiver asks to wait: seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    // A date that has passed means now.
    let seconds = u64::try_from(date.as_second()).ok()?;
    Some(Duration::from_secs(seconds).saturating_sub(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<Duration>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().expect(value));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(retry_after(&headers, now), expected, "{value}");
    }

    #[test]
    fn a_wait_is_told_in_seconds_or_as_a_date() {
        check("120", Some(Duration::from_secs(120)));
        check("0", Some(Duration::ZERO));
        check(
            "Sun, 06 Nov 1994 08:49:37 GMT",
            Some(Duration::from_secs(7)),
        );
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(Duration::ZERO));
        check("soon", None);
        check("-5", None);
        check("", None);
    }
}
