//! `/rules`: how often each fired, and what each makes of an event that the visitor picks or pastes.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use smswatch_api::events::EventsQuery;
use smswatch_api::problem::ProblemCode;
use smswatch_api::watches::RuleVerdictReply;
use smswatch_core::ToldCount;
use smswatch_model::Event;
use smswatch_pages::{Replay, ReplayCount, ReplayRow, Replayed, Rules, Tried};
use tokio::sync::Semaphore;

use super::form::Form;
use super::visit::Visit;
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::query::Filter;
use crate::replies;
use crate::routes::{events, rules};
use crate::trial::RuleReader;

/// How many of the latest events are looked through for some to pick from, and how many those are.
const LATEST: &str = "100";
const PICKS: usize = 8;

/// How long rules written on a page may be, in bytes.
const MOST_WRITTEN: usize = 64 * 1024;

/// Rules are tried on the history one at a time: it takes a whole processor.
static TRYING: Semaphore = Semaphore::const_new(1);

pub(super) fn router(reader: Option<RuleReader>) -> Router<StartupGate> {
    Router::new()
        .route("/rules/backtest", post(backtest))
        .layer(Extension(reader))
        .route("/rules", get(list))
        .route("/rules/try", post(try_out))
}

async fn list(visit: Visit) -> Response {
    match picked(&visit).await {
        Ok(tried) => answer(&visit, tried).await,
        Err(problem) => visit.refuse(&problem),
    }
}

/// The event that the address names, by its message, and what comes of it.
async fn picked(visit: &Visit) -> Result<Option<Tried>, Problem> {
    let Some(event_id) = visit.query.get("event") else {
        return Ok(None);
    };
    let query = EventsQuery {
        message_id: visit.query.owned("message"),
        ..EventsQuery::default()
    };
    let Json(found) = events::list(State(visit.service.clone()), Filter(query)).await?;
    let event = found
        .items
        .into_iter()
        .find(|event| event.event_id.as_str() == event_id);
    let event = event.ok_or_else(|| {
        Problem::not_found("this event is not among the latest hundred of its message")
    })?;
    Ok(Some(Tried {
        text: serde_json::to_string_pretty(&event).unwrap_or_default(),
        verdicts: Ok(verdicts(visit, &event)),
    }))
}

/// Some of the latest events, each of another status or operator as far as there are such.
async fn recent(visit: &Visit) -> Result<Vec<Event>, Problem> {
    let query = EventsQuery {
        limit: Some(LATEST.to_owned()),
        ..EventsQuery::default()
    };
    let Json(latest) = events::list(State(visit.service.clone()), Filter(query)).await?;
    let mut seen = HashSet::new();
    let events = latest.items.into_iter().filter(|event| {
        let status = event
            .current
            .as_ref()
            .map(|current| (current.status.clone(), current.detailed_status.clone()));
        let about = (event.kind, status, event.message.operator.clone());
        event.message.message_id.is_some() && seen.insert(about)
    });
    Ok(events.take(PICKS).collect())
}

async fn try_out(Form { visit, fields }: Form) -> Response {
    let text = fields.owned("event").unwrap_or_default();
    let verdicts = serde_json::from_str::<Event>(&text)
        .map(|event| verdicts(&visit, &event))
        .map_err(|error| format!("this is no event as `GET /v1/events` lists them: {error}"));
    answer(&visit, Some(Tried { text, verdicts })).await
}

/// Tries rules that the visitor wrote on the latest events.
async fn backtest(
    Extension(reader): Extension<Option<RuleReader>>,
    Form { visit, fields }: Form,
) -> Response {
    let text = fields.owned("rules").unwrap_or_default();
    match replayed(&visit, reader.as_ref(), &text).await {
        Ok(outcome) => {
            let page = shown(&visit, None).await.map(|shown| Rules {
                replayed: Some(Replayed { text, outcome }),
                ..shown
            });
            visit.answer(page.map(|shown| smswatch_pages::rules(&visit.frame, &shown)))
        }
        Err(problem) => visit.refuse(&problem),
    }
}

async fn replayed(
    visit: &Visit,
    reader: Option<&RuleReader>,
    text: &str,
) -> Result<Result<Replay, Vec<String>>, Problem> {
    let reader = reader.ok_or_else(|| Problem::not_found("this program reads no rules"))?;
    if text.len() > MOST_WRITTEN {
        let kilobytes = MOST_WRITTEN / 1024;
        return Ok(Err(vec![format!(
            "at most {kilobytes} KiB of rules can be tried"
        )]));
    }
    let busy = "other rules are being tried just now; asking again soon helps";
    let busy = |_| Problem::try_again(ProblemCode::Busy, busy);
    let _turn = TRYING.try_acquire().map_err(busy)?;
    let sinks = visit.service.sinks().await;
    let sinks: Vec<String> = sinks.into_iter().map(|sink| sink.sink).collect();
    // Sinks are asked about what rules ask of them, and may take long over it.
    let (reader, text) = (reader.clone(), text.to_owned());
    let read = tokio::task::spawn_blocking(move || reader.read(&text, &sinks)).await;
    let rules = match read {
        Ok(Ok(rules)) => rules,
        Ok(Err(problems)) => return Ok(Err(problems)),
        Err(_) => return Ok(Err(vec!["the rules could not be read".to_owned()])),
    };
    let tried = visit.service.backtest(rules).await?;
    let rows = tried
        .told
        .into_iter()
        .map(|((rule, sink), (today, tried))| ReplayRow {
            rule,
            sink,
            today: counted(today),
            tried: counted(tried),
        });
    Ok(Ok(Replay {
        since: tried.since,
        events: tried.events,
        is_cut: tried.is_cut,
        rows: rows.collect(),
        silent: tried.silent,
    }))
}

fn counted(count: ToldCount) -> ReplayCount {
    ReplayCount {
        notifications: count.notifications,
        held_back: count.held_back,
    }
}

async fn answer(visit: &Visit, tried: Option<Tried>) -> Response {
    let page = shown(visit, tried).await;
    visit.answer(page.map(|shown| smswatch_pages::rules(&visit.frame, &shown)))
}

async fn shown(visit: &Visit, tried: Option<Tried>) -> Result<Rules, Problem> {
    let Json(listed) = rules::list(State(visit.service.clone())).await?;
    Ok(Rules {
        rules: listed.items,
        recent: recent(visit).await?,
        tried,
        replayed: None,
    })
}

fn verdicts(visit: &Visit, event: &Event) -> Vec<RuleVerdictReply> {
    let verdicts = visit.service.explain(event).into_iter();
    verdicts.map(replies::verdict).collect()
}
