//! What a receiver's answer means.

use std::time::SystemTime;

use reqwest::Response;
use smswatch_plugin::sink::{DeliveryError, Receipt};
use smswatch_plugin::{Redactor, retry_after};

use crate::body::{Body, Rests};

/// Judges an answer by its head. Of the body of a good one only what came with the head is looked at:
/// an attempt has a time to end, and whoever waits may make a failure of a success.
pub(crate) async fn judge(
    response: Response,
    redactor: &Redactor,
    rests: &Rests,
) -> Result<Receipt, DeliveryError> {
    let status = response.status();
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let wait = retry_after(header, SystemTime::now());
    let mut body = Body::of(response);
    if status.is_success() {
        let is_read = body.read_what_is_there();
        let words = body.words(redactor);
        if !is_read {
            rests.read(body);
        }
        return Ok(if words.is_empty() {
            Receipt::new(status)
        } else {
            Receipt::new(format_args!("{status}: {words}"))
        });
    }
    body.read_with_patience().await;
    let words = body.words(redactor);
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
