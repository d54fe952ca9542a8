//! `/v1/alerts`: the alerts that fire just now.

use axum::Json;
use axum::extract::State;
use smswatch_api::list::ListReply;
use smswatch_core::Service;
use smswatch_model::Event;
use smswatch_plugin::store::Page;

use crate::problem::Problem;
use crate::replies;

/// Lists all of them, the latest first: so few that one page holds them.
pub(super) async fn list(
    State(service): State<Service>,
) -> Result<Json<ListReply<Event>>, Problem> {
    let (items, next) = (service.firing_alerts().await?, None);
    Ok(Json(replies::list(Page { items, next }, |event| event)))
}
