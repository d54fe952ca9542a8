//! `/v1/campaigns`: the campaigns that are followed, and how each does.

use axum::Json;
use axum::extract::State;
use smswatch_api::campaigns::{CampaignReply, CampaignsQuery};
use smswatch_api::list::ListReply;
use smswatch_core::Service;

use crate::problem::Problem;
use crate::query::{Filter, page};
use crate::replies;

pub(super) async fn list(
    State(service): State<Service>,
    Filter(query): Filter<CampaignsQuery>,
) -> Result<Json<ListReply<CampaignReply>>, Problem> {
    let page = page(query.cursor, query.limit.as_deref())?;
    let campaigns = service.campaigns(&page).await?;
    Ok(Json(replies::list(campaigns, replies::campaign)))
}
