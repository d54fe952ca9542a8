//! `/`: a plain page that says where things are.

use axum::http::header;
use axum::response::{Html, IntoResponse};

const PAGE: &str = include_str!("front_page.html");

/// The page brings everything it needs, so a browser may refuse everything else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(super) async fn show() -> impl IntoResponse {
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY)];
    (
        headers,
        Html(PAGE.replace("{version}", smswatch_plugin::VERSION)),
    )
}
