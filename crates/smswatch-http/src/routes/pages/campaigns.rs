//! `/campaigns`: how each that is followed does.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use smswatch_api::campaigns::CampaignsQuery;

use super::visit::Visit;
use crate::door::StartupGate;
use crate::query::Filter;
use crate::routes::campaigns;

/// How many stand on a page.
const PAGE: &str = "20";

pub(super) fn router() -> Router<StartupGate> {
    Router::new().route("/campaigns", get(list))
}

async fn list(visit: Visit) -> Response {
    let query = CampaignsQuery {
        cursor: visit.query.owned("cursor"),
        limit: Some(PAGE.to_owned()),
    };
    let list = campaigns::list(State(visit.service.clone()), Filter(query)).await;
    visit.answer(list.map(|Json(list)| smswatch_pages::campaigns(&visit.frame, &list)))
}
