//! `/v1/events`: what happened, newest first.

use axum::Json;
use axum::extract::State;
use smswatch_api::events::EventsQuery;
use smswatch_api::list::ListReply;
use smswatch_core::{EventFilter, Service};
use smswatch_model::{Event, EventKind, MessageId};

use crate::problem::Problem;
use crate::query::{Filter, one_of, page, wanted};
use crate::replies;

/// The word of rules for events of every type, which no filter narrows down.
const ANY: &str = "any";

pub(super) async fn list(
    State(service): State<Service>,
    Filter(query): Filter<EventsQuery>,
) -> Result<Json<ListReply<Event>>, Problem> {
    let filter = filter(&query)?;
    let page = page(query.cursor, query.limit.as_deref())?;
    let events = service.events(&filter, &page).await?;
    Ok(Json(replies::list(events, |event| event)))
}

/// The events that a query asks for.
pub(super) fn filter(query: &EventsQuery) -> Result<EventFilter, Problem> {
    let kind = query.kind.as_deref().filter(|kind| *kind != ANY);
    Ok(EventFilter {
        message_id: wanted(
            "message_id",
            query.message_id.as_deref(),
            str::parse::<MessageId>,
        )?,
        kind: wanted("type", kind, |text| {
            EventKind::named(text)
                .map_or_else(|| one_of(&EventKind::ALL, EventKind::as_str, text), Ok)
        })?,
    })
}
