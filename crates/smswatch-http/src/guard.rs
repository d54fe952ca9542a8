//! Keeps a panic in one request from affecting others.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use smswatch_api::problem::ProblemCode;

use crate::problem::Problem;

/// Answers 500 if the handler panicked.
///
/// Nothing of the request is used after a panic, and what requests share is the service alone, whose
/// locks outlive a panic.
pub(crate) async fn catch_panics(request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| {
        tracing::error!("a request could not be answered because of a defect in smswatch");
        let message = "this is a defect in smswatch; its log says more";
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ProblemCode::Internal,
            message,
        )
        .into_response()
    })
}
