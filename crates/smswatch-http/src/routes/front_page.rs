//! `/`: for a browser what is going on now; for any other program a plain page that says where things are.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};

use super::pages;
use super::pages::Visit;
use crate::auth::wants_page;
use crate::door::StartupGate;

const PAGE: &str = include_str!("front_page.html");

/// The page brings everything it needs, so a browser may refuse everything else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(super) async fn show(State(gate): State<StartupGate>, request: Request) -> Response {
    if !wants_page(request.headers()) {
        return calls().await;
    }
    let (mut parts, _) = request.into_parts();
    match Visit::from_request_parts(&mut parts, &gate).await {
        Ok(visit) => pages::now(visit).await,
        Err(led_on) => led_on,
    }
}

/// The plain page with the calls of the API.
pub(super) async fn calls() -> Response {
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY)];
    let page = PAGE.replace("{version}", smswatch_plugin::VERSION);
    (headers, Html(page)).into_response()
}
