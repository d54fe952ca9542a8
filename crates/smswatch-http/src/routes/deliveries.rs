//! `/v1/deliveries`: what was told to whom, and how that went.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use smswatch_core::Service;
use smswatch_model::{DeliveryId, MessageId};
use smswatch_plugin::store::{DeliveryFilter, DeliveryState};

use crate::problem::Problem;
use crate::query::{Filter, one_of, page, wanted};
use crate::replies::{DeliveryReply, ListReply};
use crate::request::IdInPath;
use crate::since;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFilter {
    state: Option<String>,
    sink: Option<String>,
    rule: Option<String>,
    since: Option<String>,
    message_id: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

pub(super) async fn list(
    State(service): State<Service>,
    Filter(filter): Filter<ListFilter>,
) -> Result<Json<ListReply<DeliveryReply>>, Problem> {
    let deliveries = DeliveryFilter {
        state: wanted("state", filter.state.as_deref(), |text| {
            one_of(&DeliveryState::ALL, DeliveryState::as_str, text)
        })?,
        sink: filter.sink.filter(|sink| !sink.is_empty()),
        message_ids: wanted(
            "message_id",
            filter.message_id.as_deref(),
            str::parse::<MessageId>,
        )?
        .into_iter()
        .collect(),
        rule: filter.rule.filter(|rule| !rule.is_empty()),
        since: wanted("since", filter.since.as_deref(), |text| {
            since::read(text, service.now())
        })?,
    };
    let page = page(filter.cursor, filter.limit.as_deref())?;
    Ok(Json(service.deliveries(&deliveries, &page).await?.into()))
}

pub(super) async fn show(
    State(service): State<Service>,
    IdInPath(id): IdInPath<DeliveryId>,
) -> Result<Json<DeliveryReply>, Problem> {
    let delivery = service.delivery(&id).await?;
    let delivery = delivery.ok_or_else(|| Problem::not_found("no delivery of this id is kept"))?;
    Ok(Json(delivery.into()))
}
