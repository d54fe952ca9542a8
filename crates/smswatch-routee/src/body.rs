//! Reads the body of an answer, however large it claims to be.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use smswatch_outbound::HttpClient;
use smswatch_plugin::provider::LookError;

use crate::failure;

/// Reads an answer's body, and no more than `most` bytes of it.
pub(crate) async fn read_bounded(
    http: &HttpClient,
    mut response: Response,
    most: usize,
) -> Result<Bytes, LookError> {
    let url = response.url().clone();
    // Nearly all answers come in one piece: it is not copied.
    let mut body = Bytes::new();
    let failed = |error| failure::of_request(http, &error, &url);
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > most {
            return Err(LookError::unreadable("Routee's answer is too large"));
        }
        body = if body.is_empty() {
            chunk
        } else {
            let mut joined = BytesMut::from(body);
            joined.extend_from_slice(&chunk);
            joined.freeze()
        };
    }
    Ok(body)
}
