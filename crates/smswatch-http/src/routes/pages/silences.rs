//! `/silences`: what is held back; makes another silence, and ends one.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use smswatch_api::silences::{ProposalQuery, SilenceRequest, SilencesQuery};
use smswatch_pages::{Done, Draft, matching};

use super::fields::Fields;
use super::form::Form;
use super::visit::{Visit, after};
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::query::Filter;
use crate::request::{JsonBody, NameInPath};
use crate::routes::silences;

pub(super) fn router() -> Router<StartupGate> {
    Router::new()
        .route("/silences", get(list).post(add))
        .route("/silences/new", get(ask))
        .route("/silences/{id}/end", post(end))
}

async fn list(visit: Visit) -> Response {
    let query = SilencesQuery {
        cursor: visit.query.owned("cursor"),
        limit: None,
    };
    let list = silences::list(State(visit.service.clone()), Filter(query)).await;
    visit.answer(list.map(|Json(list)| smswatch_pages::silences(&visit.frame, &list)))
}

/// The form, filled in with what a delivery told, or with what the page before proposes.
async fn ask(visit: Visit) -> Response {
    let draft = draft(&visit).await;
    visit.answer(draft.map(|draft| smswatch_pages::new_silence(&visit.frame, &draft)))
}

async fn draft(visit: &Visit) -> Result<Draft, Problem> {
    let matching = match visit.query.owned("delivery") {
        Some(delivery_id) => {
            let query = Filter(ProposalQuery { delivery_id });
            let Json(proposal) = silences::propose(State(visit.service.clone()), query).await?;
            matching::write(&proposal.matching)
        }
        None => visit.query.owned("match").unwrap_or_default(),
    };
    Ok(Draft {
        matching,
        ..Draft::default()
    })
}

async fn add(Form { visit, fields }: Form) -> Response {
    let added = match wanted(&fields) {
        Ok(request) => silences::add(State(visit.service.clone()), JsonBody(request)).await,
        Err(problem) => Err(problem),
    };
    match added {
        Ok(_) => after("/silences", &Done::new("silenced")),
        Err(problem) if problem.status().is_client_error() => {
            let typed = |name: &str| fields.owned(name).unwrap_or_default();
            let draft = Draft {
                matching: typed("match"),
                until: typed("until"),
                comment: typed("comment"),
                author: typed("author"),
                problem: Some(problem.message().to_owned()),
            };
            visit.answer(Ok(smswatch_pages::new_silence(&visit.frame, &draft)))
        }
        Err(problem) => visit.refuse(&problem),
    }
}

fn wanted(fields: &Fields) -> Result<SilenceRequest, Problem> {
    let matching = matching::read(fields.get("match").unwrap_or_default());
    let matching = matching.map_err(|line| {
        Problem::invalid(format!(
            "`match`: expected a key, a colon and a value, once for each key: {line}"
        ))
    })?;
    Ok(SilenceRequest {
        matching,
        everything: false,
        until: fields.owned("until"),
        comment: fields.owned("comment").unwrap_or_default(),
        author: fields.owned("author").unwrap_or_default(),
    })
}

async fn end(id: Result<NameInPath, Problem>, Form { visit, .. }: Form) -> Response {
    let ended = match id {
        Ok(id) => silences::end(State(visit.service.clone()), id).await,
        Err(problem) => Err(problem),
    };
    match ended {
        Ok(_) => after("/silences", &Done::new("ended")),
        Err(problem) => visit.refuse(&problem),
    }
}
