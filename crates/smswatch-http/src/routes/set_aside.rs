//! `/v1/set-aside`: log entries that could not be routed, and why.

use axum::Json;
use axum::extract::State;
use smswatch_core::Service;
use smswatch_plugin::store::Page;

use crate::problem::Problem;
use crate::replies::{ListReply, SetAsideReply};

/// Lists all that are kept, newest first: so few that one page holds them.
pub(super) async fn list(
    State(service): State<Service>,
) -> Result<Json<ListReply<SetAsideReply>>, Problem> {
    let items = service.set_aside().await?;
    Ok(Json(Page { items, next: None }.into()))
}
