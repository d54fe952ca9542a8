//! `/v1/stuck`: the messages that have no final status in the time that a rule gave them.

use axum::Json;
use axum::extract::State;
use smswatch_api::list::ExcerptReply;
use smswatch_core::Service;
use smswatch_model::Event;

use crate::problem::Problem;
use crate::replies;

/// Lists each as the latest event that told so, the latest first.
pub(super) async fn list(
    State(service): State<Service>,
) -> Result<Json<ExcerptReply<Event>>, Problem> {
    let stuck = service.stuck().await?;
    Ok(Json(replies::excerpt(stuck.events, stuck.is_cut)))
}
