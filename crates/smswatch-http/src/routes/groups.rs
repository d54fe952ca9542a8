//! `/v1/groups`: the groups of events that wait to be told.

use axum::Json;
use axum::extract::State;
use smswatch_api::groups::GroupReply;
use smswatch_api::list::ExcerptReply;
use smswatch_core::Service;

use crate::problem::Problem;
use crate::replies;

/// Lists those that are told next, the earliest first.
pub(super) async fn list(
    State(service): State<Service>,
) -> Result<Json<ExcerptReply<GroupReply>>, Problem> {
    let waiting = service.waiting_groups().await?;
    let groups = waiting.groups.into_iter().map(replies::group);
    Ok(Json(replies::excerpt(groups, waiting.is_cut)))
}
