//! `/v1/sinks`: shows whether a sink works, holds it back and lets it go.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_core::{Service, SinkState};

use crate::problem::Problem;
use crate::replies::{QueuedReply, SinkReply};
use crate::request::NameInPath;

pub(super) async fn test(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<(StatusCode, Json<QueuedReply>), Problem> {
    let id = service.test_sink(&name).await?;
    let id = id.ok_or_else(no_such_sink)?;
    Ok((StatusCode::ACCEPTED, Json(QueuedReply { id })))
}

pub(super) async fn pause(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<Json<SinkReply>, Problem> {
    reply(service.pause_sink(&name).await?)
}

pub(super) async fn resume(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<Json<SinkReply>, Problem> {
    reply(service.resume_sink(&name).await?)
}

fn reply(state: Option<SinkState>) -> Result<Json<SinkReply>, Problem> {
    let state = state.ok_or_else(no_such_sink)?;
    Ok(Json(SinkReply::from(state)))
}

fn no_such_sink() -> Problem {
    Problem::not_found("no sink of this name is configured")
}
