//! `/rules`: how often each told somebody, and what each makes of an event that somebody pastes.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use smswatch_api::watches::RuleVerdictReply;
use smswatch_model::Event;
use smswatch_pages::{Rules, Tried};

use super::form::Form;
use super::now::latest_deliveries;
use super::visit::Visit;
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::replies;
use crate::routes::deliveries;

pub(super) fn router() -> Router<StartupGate> {
    Router::new()
        .route("/rules", get(list))
        .route("/rules/try", post(try_out))
}

async fn list(visit: Visit) -> Response {
    answer(&visit, None).await
}

async fn try_out(Form { visit, fields }: Form) -> Response {
    let text = fields.owned("event").unwrap_or_default();
    let verdicts = serde_json::from_str::<Event>(&text)
        .map(|event| verdicts(&visit, &event))
        .map_err(|error| format!("this is no event as `GET /v1/events` lists them: {error}"));
    answer(&visit, Some(Tried { text, verdicts })).await
}

async fn answer(visit: &Visit, tried: Option<Tried>) -> Response {
    let page = shown(visit, tried).await;
    visit.answer(page.map(|shown| smswatch_pages::rules(&visit.frame, &shown)))
}

async fn shown(visit: &Visit, tried: Option<Tried>) -> Result<Rules, Problem> {
    let Json(told) = deliveries::list(State(visit.service.clone()), latest_deliveries()).await?;
    Ok(Rules {
        names: visit.service.rule_names(),
        told: super::now::told(told),
        tried,
    })
}

fn verdicts(visit: &Visit, event: &Event) -> Vec<RuleVerdictReply> {
    let verdicts = visit.service.explain(event).into_iter();
    verdicts.map(replies::verdict).collect()
}
