//! `/v1/set-aside`: log entries that could not be routed, and why.

use axum::Json;
use axum::extract::State;
use smswatch_api::list::ListReply;
use smswatch_api::set_aside::{SetAsideQuery, SetAsideReply};
use smswatch_core::Service;

use crate::problem::Problem;
use crate::query::{Filter, page};
use crate::replies;

pub(super) async fn list(
    State(service): State<Service>,
    Filter(query): Filter<SetAsideQuery>,
) -> Result<Json<ListReply<SetAsideReply>>, Problem> {
    let page = page(query.cursor, query.limit.as_deref())?;
    let kept = service.set_aside(&page).await?;
    Ok(Json(replies::list(kept, replies::set_aside)))
}
