//! `/v1/set-aside`: log entries that could not be routed, and why.

use axum::Json;
use axum::extract::State;
use smswatch_api::list::ListReply;
use smswatch_api::set_aside::SetAsideReply;
use smswatch_core::Service;
use smswatch_plugin::store::Page;

use crate::problem::Problem;
use crate::replies;

/// Lists all that are kept, newest first: so few that one page holds them.
pub(super) async fn list(
    State(service): State<Service>,
) -> Result<Json<ListReply<SetAsideReply>>, Problem> {
    let items = service.set_aside().await?;
    let page = Page { items, next: None };
    Ok(Json(replies::list(page, replies::set_aside)))
}
