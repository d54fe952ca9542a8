//! `/messages`: finds messages in what happened of late, and tells the story of one.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use smswatch_api::events::EventsQuery;
use smswatch_api::list::ListReply;
use smswatch_api::watches::WatchedReply;
use smswatch_model::{EventKind, MessageId};
use smswatch_pages::{Found, Search};

use super::form::Fields;
use super::visit::Visit;
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::query::Filter;
use crate::request::IdInPath;
use crate::routes::{events, watches};

/// How many messages stand on a page.
const PAGE: usize = 50;

/// How many events are read at once, and how often for one page: it costs the same however far back a search has to look.
const AT_ONCE: &str = "500";
const MOST_READS: usize = 6;

pub(super) fn router() -> Router<StartupGate> {
    Router::new()
        .route("/messages", get(list))
        .route("/messages/{id}", get(story))
}

async fn list(visit: Visit) -> Response {
    if let Some(id) = visit.query.get("id") {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        return Redirect::to(&format!("/messages/{}", id.replace('+', "%20"))).into_response();
    }
    let found = found(&visit).await;
    visit.answer(found.map(|found| smswatch_pages::messages(&visit.frame, &found)))
}

fn search(fields: &Fields) -> Search {
    let field = |name: &str| fields.owned(name).unwrap_or_default();
    Search {
        outcome: field("outcome"),
        status: field("status"),
        country: field("country"),
        operator: field("operator"),
        from: field("from"),
        label: field("label"),
        tag: field("tag"),
    }
}

/// Looks through events, newest first, until a page is full or as many were read as may be.
async fn found(visit: &Visit) -> Result<Found, Problem> {
    let search = search(&visit.query);
    let mut cursor = visit.query.owned("cursor");
    let (mut items, mut back_to) = (Vec::new(), None);
    let mut seen: HashSet<Option<MessageId>> = HashSet::new();
    for _ in 0..MOST_READS {
        let query = EventsQuery {
            kind: Some(EventKind::StatusChanged.as_str().to_owned()),
            cursor: cursor.take(),
            limit: Some(AT_ONCE.to_owned()),
            ..EventsQuery::default()
        };
        let Json(page) = events::list(State(visit.service.clone()), Filter(query)).await?;
        back_to = page.items.last().map(|event| event.detected_at).or(back_to);
        for event in page.items {
            // The newest change of a message tells how it is.
            if seen.insert(event.message.message_id.clone()) && search.finds(&event) {
                items.push(event);
            }
        }
        cursor = page.next;
        if cursor.is_none() || items.len() >= PAGE {
            break;
        }
    }
    Ok(Found {
        search,
        list: ListReply {
            items,
            next: cursor,
        },
        back_to,
    })
}

async fn story(visit: Visit, id: Result<IdInPath<MessageId>, Problem>) -> Response {
    let id = match id {
        Ok(IdInPath(id)) => id,
        Err(problem) => return visit.refuse(&problem),
    };
    let state = || State(visit.service.clone());
    match watches::timeline(state(), IdInPath(id.clone())).await {
        Ok(Json(told)) => visit.answer(Ok(smswatch_pages::story(&visit.frame, &told))),
        Err(problem) => match watches::show(state(), IdInPath(id)).await {
            Ok(Json(WatchedReply::Campaign(_))) => Redirect::to("/campaigns").into_response(),
            _ => visit.refuse(&problem),
        },
    }
}
