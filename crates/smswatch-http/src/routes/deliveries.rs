//! `/v1/deliveries`: which notifications were sent where, and how that went.

use axum::Json;
use axum::extract::State;
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply};
use smswatch_api::list::ListReply;
use smswatch_core::Service;
use smswatch_model::{DeliveryId, MessageId};
use smswatch_plugin::store::{DeliveryFilter, DeliveryState};

use crate::problem::Problem;
use crate::query::{Filter, one_of, page, wanted};
use crate::replies;
use crate::request::IdInPath;
use crate::since;

pub(super) async fn list(
    State(service): State<Service>,
    Filter(query): Filter<DeliveriesQuery>,
) -> Result<Json<ListReply<DeliveryReply>>, Problem> {
    let state = query.state.as_ref().map(|state| state.as_str());
    let filter = DeliveryFilter {
        state: wanted("state", state, |text| {
            one_of(&DeliveryState::ALL, DeliveryState::as_str, text)
        })?,
        sink: query.sink.filter(|sink| !sink.is_empty()),
        message_ids: wanted(
            "message_id",
            query.message_id.as_deref(),
            str::parse::<MessageId>,
        )?
        .into_iter()
        .collect(),
        rule: query.rule.filter(|rule| !rule.is_empty()),
        since: wanted("since", query.since.as_deref(), |text| {
            since::read(text, service.now())
        })?,
    };
    let page = page(query.cursor, query.limit.as_deref())?;
    let deliveries = service.deliveries(&filter, &page).await?;
    Ok(Json(replies::list(deliveries, replies::delivery)))
}

pub(super) async fn show(
    State(service): State<Service>,
    IdInPath(id): IdInPath<DeliveryId>,
) -> Result<Json<DeliveryReply>, Problem> {
    let delivery = service.delivery(&id).await?;
    let delivery = delivery.ok_or_else(|| Problem::not_found("no delivery of this id is kept"))?;
    Ok(Json(replies::delivery(delivery)))
}
