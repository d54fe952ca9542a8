//! Answers that are pages, with what browsers are to refuse in them.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use smswatch_core::HealthReport;

/// Pages bring everything along; a browser may refuse everything else, and what stands in a page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      frame-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a receiver would get is shown in a frame of ours: with styles of its own, which mails need, and nothing else.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; \
                       frame-ancestors 'self'; sandbox";

/// The page that is shown until the service has started.
pub(crate) fn starting(report: &HealthReport) -> Response {
    let trouble = report.parts.get("store").and_then(Option::as_deref);
    // What Redis said may be for nobody but who has a token.
    let trouble = trouble.map(|_| "`/readyz` says why it is not there");
    let page = smswatch_pages::starting(trouble);
    html(StatusCode::SERVICE_UNAVAILABLE, page)
}

/// A page with what browsers are to refuse.
pub(crate) fn html(status: StatusCode, page: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    (status, headers, Html(page)).into_response()
}

/// A page of others, in which nothing runs, nothing is loaded, and which stands in frames of ours alone.
pub(crate) fn sandboxed(page: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ];
    (StatusCode::OK, headers, Html(page)).into_response()
}
