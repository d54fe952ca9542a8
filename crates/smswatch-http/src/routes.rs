//! Which path is answered by what.

mod alerts;
mod campaigns;
mod deliveries;
mod events;
mod front_page;
mod groups;
mod health;
mod openapi;
mod pages;
mod redrive;
mod reload;
mod rules;
mod set_aside;
mod silences;
mod sinks;
mod stats;
mod stream;
mod stuck;
mod table;
mod watches;

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use smswatch_api::problem::ProblemCode;

pub use self::openapi::openapi;
use self::stream::Streams;
use crate::address::require_own_address;
use crate::auth::{TokenGuard, Tokens, identify, require_token};
use crate::callbacks::{self, CallbackDoor};
use crate::connections::HealthChecksOnly;
use crate::door::{StartupGate, keep_closed};
use crate::guard::catch_panics;
use crate::headers::common_headers;
use crate::problem::{Problem, no_such_method, no_such_path};
use crate::request::MAX_BODY;
use crate::request_id::name_request;
use crate::trial::RuleReader;

/// Everything that is answered.
pub(crate) fn router(
    tokens: Tokens,
    door: StartupGate,
    callbacks: CallbackDoor,
    rules: Option<RuleReader>,
) -> Router {
    Router::new()
        .merge(table::of_health().into_router())
        .nest(table::V1, api(tokens.clone()))
        .merge(pages::of_service(tokens.clone(), rules))
        .layer(from_fn_with_state(door.clone(), keep_closed))
        // What stands below needs no service and answers before it has started.
        .merge(table::of_process().into_router())
        .merge(openapi::route().into_router())
        .route("/api", get(front_page::calls))
        .merge(pages::of_process())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(keep_for_health_checks))
        .layer(from_fn_with_state(tokens.clone(), identify))
        .layer(from_fn_with_state(tokens, require_own_address))
        .with_state(door.clone())
        // Routee calls by a public name, and has no token.
        .merge(callbacks::router(door, callbacks))
        .layer(from_fn(catch_panics))
        .layer(map_response(common_headers))
        .layer(from_fn(name_request))
}

/// While all other connections are busy, only health checks are answered.
async fn keep_for_health_checks(request: Request, next: Next) -> Response {
    let is_busy = request.extensions().get::<HealthChecksOnly>().is_some();
    if is_busy && !matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics") {
        let message = "all connections are busy; asking again soon helps";
        return Problem::try_again(ProblemCode::Busy, message).into_response();
    }
    next.run(request).await
}

/// What needs a token, the paths that do not exist included.
fn api(tokens: Tokens) -> Router<StartupGate> {
    table::of_v1()
        .into_router()
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(Extension(Streams::new()))
        .layer(from_fn_with_state(TokenGuard::new(tokens), require_token))
}
