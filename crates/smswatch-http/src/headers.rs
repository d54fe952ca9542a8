//! The headers that every answer has.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use smswatch_api::VERSION_HEADER;

/// Adds the version, and headers that forbid sniffing and, unless the answer sets `cache-control` itself, caching.
pub(crate) async fn common_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            HeaderName::from_static(VERSION_HEADER),
            smswatch_plugin::VERSION,
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let kept = headers.entry(header::CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
    response
}
