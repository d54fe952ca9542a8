//! `/v1/events`: what happened, newest first.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use smswatch_core::{EventFilter, Service};
use smswatch_model::{Event, EventKind, MessageId};

use crate::problem::Problem;
use crate::query::{Filter, one_of, page, wanted};
use crate::replies::ListReply;

/// The word of rules for events of every type, which no filter narrows down.
const ANY: &str = "any";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFilter {
    message_id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

pub(super) async fn list(
    State(service): State<Service>,
    Filter(filter): Filter<ListFilter>,
) -> Result<Json<ListReply<Event>>, Problem> {
    let kind = filter.kind.as_deref().filter(|kind| *kind != ANY);
    let events = EventFilter {
        message_id: wanted(
            "message_id",
            filter.message_id.as_deref(),
            str::parse::<MessageId>,
        )?,
        kind: wanted("type", kind, |text| {
            EventKind::named(text)
                .map_or_else(|| one_of(&EventKind::ALL, EventKind::as_str, text), Ok)
        })?,
    };
    let page = page(filter.cursor, filter.limit.as_deref())?;
    Ok(Json(service.events(&events, &page).await?.into()))
}
