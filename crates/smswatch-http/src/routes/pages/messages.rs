//! `/messages`: finds messages in what happened of late, and tells the story of one.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use smswatch_api::events::EventsQuery;
use smswatch_api::list::ListReply;
use smswatch_api::watches::WatchedReply;
use smswatch_core::Service;
use smswatch_model::{Event, EventKind, MessageId, Timestamp};
use smswatch_pages::{Found, STUCK, Search};
use smswatch_plugin::record::WatchState;

use super::fields::Fields;
use super::patience::Patience;
use super::visit::Visit;
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::query::{Filter, wanted};
use crate::request::IdInPath;
use crate::routes::{events, watches};
use crate::since;

/// How many messages stand on a page.
const PAGE: usize = 50;

/// How many events are read at once, and how often for one page at most: it costs the same however far back a search has
/// to look.
const AT_ONCE: usize = 250;
const MOST_READS: usize = 12;

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
        since: field("since"),
        until: field("until"),
    }
}

/// The bounds of a search in time.
struct Bounds {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Bounds {
    fn read(search: &Search, now: Timestamp) -> Result<Self, Problem> {
        let read = |text: &str| since::read(text, now);
        Ok(Self {
            since: wanted("since", Some(&search.since), read)?,
            until: wanted("until", Some(&search.until), read)?,
        })
    }
}

/// Looks through events, newest first, until a page is full, or as many were read as may be, or it has taken long enough.
async fn found(visit: &Visit) -> Result<Found, Problem> {
    let patience = Patience::begin();
    let search = search(&visit.query);
    let bounds = match Bounds::read(&search, visit.frame.now) {
        Ok(bounds) => bounds,
        Err(problem) => {
            let problem = Some(problem.message().to_owned());
            return Ok(Found {
                search,
                problem,
                ..Found::default()
            });
        }
    };
    let service = &visit.service;
    let mut cursor = visit.query.owned("cursor");
    if let (None, Some(until)) = (&cursor, bounds.until) {
        // What happened in the last millisecond that is wanted is wanted, too.
        let end = until + Duration::from_millis(1);
        cursor = Some(service.events_before(end).await?);
    }
    let kind = match search.outcome.as_str() {
        STUCK => EventKind::Stuck,
        _ => EventKind::StatusChanged,
    };
    let mut found = Found {
        search,
        ..Found::default()
    };
    let mut seen: HashSet<Option<MessageId>> = HashSet::new();
    for _ in 0..MOST_READS {
        let begin = cursor.take();
        let page = read(service, kind, begin.clone(), AT_ONCE).await?;
        cursor = page.next;
        let mut like_that = Vec::new();
        for (n_read, event) in (1..).zip(page.items) {
            if bounds.since.is_some_and(|since| event.detected_at < since) {
                cursor = None;
                break;
            }
            found.looked_at += 1;
            found.back_to = Some(event.detected_at);
            // The newest change of a message tells how it is.
            if seen.insert(event.message.message_id.clone()) && found.search.finds(&event) {
                like_that.push(event);
            }
            if found.items.len() + like_that.len() >= PAGE && n_read < AT_ONCE {
                // The next page begins behind what this one shows.
                cursor = read(service, kind, begin, n_read).await?.next;
                break;
            }
        }
        let like_that = as_now(service, &found.search, like_that).await?;
        found.items.extend(like_that);
        if cursor.is_none() || found.items.len() >= PAGE || patience.is_over() {
            break;
        }
    }
    found.next = cursor;
    Ok(found)
}

/// A page of events.
async fn read(
    service: &Service,
    kind: EventKind,
    cursor: Option<String>,
    limit: usize,
) -> Result<ListReply<Event>, Problem> {
    let query = EventsQuery {
        kind: Some(kind.as_str().to_owned()),
        cursor,
        limit: Some(limit.to_string()),
        ..EventsQuery::default()
    };
    let Json(page) = events::list(State(service.clone()), Filter(query)).await?;
    Ok(page)
}

/// Those of the events that still tell how their messages do: what was on a page before may have told of later changes.
async fn as_now(
    service: &Service,
    search: &Search,
    events: Vec<Event>,
) -> Result<Vec<Event>, Problem> {
    if search.outcome.is_empty() || events.is_empty() {
        return Ok(events);
    }
    let ids = events
        .iter()
        .filter_map(|event| event.message.message_id.clone());
    let standing = service.standing(&ids.collect::<Vec<_>>()).await?;
    let is_so = |event: &Event| {
        let id = event.message.message_id.as_ref();
        // What is forgotten stays as it was told.
        id.and_then(|id| standing.get(id))
            .is_none_or(|now| match search.outcome.as_str() {
                STUCK => now.state.is_none_or(|state| state == WatchState::Watching),
                _ => now
                    .outcome
                    .is_none_or(|outcome| Some(outcome) == event.message.outcome),
            })
    };
    Ok(events.into_iter().filter(is_so).collect())
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
