//! `/login` and `/logout`: a browser gets a cookie for a token, and gives it back.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use smswatch_pages::Refusal;
use tokio::time::Instant;

use super::fields::Fields;
use super::form::own_fields;
use super::visit::own_path;
use crate::auth::{Attempts, Entrance, Tokens, log_out};
use crate::connections::CameFrom;
use crate::door::StartupGate;
use crate::page::html;

/// Where a form leads when it says nothing of it.
const NEXT: &str = "next";

pub(super) fn router(tokens: Tokens) -> Router<StartupGate> {
    Router::new()
        .route("/login", get(ask).post(log_in))
        .route("/logout", post(leave))
        .layer(Extension(tokens))
        .layer(Extension(Attempts::default()))
}

/// The page that asks for a token; who needs none is led on.
async fn ask(request: Request) -> Response {
    let query = Fields::read(request.uri().query().unwrap_or_default().as_bytes());
    let next = own_path(query.get(NEXT).unwrap_or("/"));
    match request.extensions().get::<Entrance>() {
        Some(entrance) if entrance.visitor.is_some() => Redirect::to(next).into_response(),
        Some(entrance) => page(StatusCode::OK, entrance, next, None),
        // It sent no cookie and does not say that it reads pages; so it could not send the form.
        None => page(StatusCode::OK, &Entrance::of_nobody(), next, None),
    }
}

async fn log_in(
    State(gate): State<StartupGate>,
    Extension(tokens): Extension<Tokens>,
    Extension(attempts): Extension<Attempts>,
    Extension(CameFrom(from)): Extension<CameFrom>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let entrance = request.extensions().get::<Entrance>().cloned();
    let entrance = entrance.unwrap_or_else(Entrance::of_nobody);
    let (fields, is_own) = match own_fields(request, &gate).await {
        Ok(read) => read,
        Err(problem) => return problem.into_response(),
    };
    let next = own_path(fields.get(NEXT).unwrap_or("/"));
    if !is_own {
        let refusal = Some(Refusal::OldForm);
        return page(StatusCode::FORBIDDEN, &entrance, next, refusal);
    }
    // A right token is always taken: behind a proxy, people share an address with those who guess.
    if let Some(cookie) = tokens.log_in(fields.get("token").unwrap_or_default(), &headers) {
        return ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response();
    }
    let now = Instant::now();
    if let Some(wait) = attempts.must_wait(from.ip(), now) {
        let seconds = wait.as_secs() + 1;
        let refusal = Some(Refusal::TooMany(seconds));
        let retry_after = [(header::RETRY_AFTER, seconds.to_string())];
        let page = page(StatusCode::TOO_MANY_REQUESTS, &entrance, next, refusal);
        return (retry_after, page).into_response();
    }
    attempts.was_wrong(from.ip(), now);
    tracing::warn!("a login was refused: wrong token");
    let refusal = Some(Refusal::WrongToken);
    page(StatusCode::FORBIDDEN, &entrance, next, refusal)
}

async fn leave(State(gate): State<StartupGate>, request: Request) -> Response {
    match own_fields(request, &gate).await {
        Ok((_, true)) => {
            ([(header::SET_COOKIE, log_out())], Redirect::to("/login")).into_response()
        }
        Ok((_, false)) => Redirect::to("/").into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn page(status: StatusCode, entrance: &Entrance, next: &str, refusal: Option<Refusal>) -> Response {
    html(
        status,
        smswatch_pages::login(&entrance.form_key, next, refusal),
    )
}
