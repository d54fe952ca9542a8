//! `/v1/sinks`: shows whether a sink works.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_core::Service;

use crate::problem::Problem;
use crate::replies::QueuedReply;
use crate::request::NameInPath;

pub(super) async fn test(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<(StatusCode, Json<QueuedReply>), Problem> {
    let id = service.test_sink(&name).await?;
    let id = id.ok_or_else(|| Problem::not_found("no sink of this name is configured"))?;
    Ok((StatusCode::ACCEPTED, Json(QueuedReply { id })))
}
