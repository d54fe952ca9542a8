//! Reads the body of an answer, however large it claims to be.

use bytes::Bytes;
use reqwest::{Response, Url};
use smswatch_outbound::{BodyError, HttpClient, read_body};
use smswatch_plugin::provider::PollError;

use crate::failure;

/// Reads the body of an answer from `url`, and no more than `most` bytes of it.
pub(crate) async fn read_bounded(
    http: &HttpClient,
    url: &Url,
    response: Response,
    most: usize,
) -> Result<Bytes, PollError> {
    read_body(response, most)
        .await
        .map_err(|error| match error {
            BodyError::Broken(error) => failure::of_request(http, &error, url),
            BodyError::TooLarge => PollError::unreadable("Routee's answer is too large"),
            error => PollError::unreadable(format!("Routee's answer cannot be read: {error}")),
        })
}
