//! `/v1/sinks`: shows whether a sink works, holds it back and lets it go.

use axum::Json;
use axum::extract::State;
use smswatch_api::list::ListReply;
use smswatch_api::sinks::{SinkReply, SinkTestReply};
use smswatch_core::Service;
use smswatch_plugin::store::Page;

use crate::problem::Problem;
use crate::replies;
use crate::request::NameInPath;

/// Lists all: a configuration has so few that one page holds them.
pub(super) async fn list(State(service): State<Service>) -> Json<ListReply<SinkReply>> {
    let (items, next) = (service.sinks().await, None);
    Json(replies::list(Page { items, next }, replies::sink))
}

pub(super) async fn test(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<Json<SinkTestReply>, Problem> {
    let test = service.test_sink(&name).await?;
    let test = test.ok_or_else(|| no_such_sink(&service, &name))?;
    Ok(Json(replies::sink_test(test)))
}

pub(super) async fn pause(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<Json<SinkReply>, Problem> {
    let state = service.pause_sink(&name).await?;
    let state = state.ok_or_else(|| no_such_sink(&service, &name))?;
    Ok(Json(replies::sink(state)))
}

pub(super) async fn resume(
    State(service): State<Service>,
    NameInPath(name): NameInPath,
) -> Result<Json<SinkReply>, Problem> {
    let state = service.resume_sink(&name).await?;
    let state = state.ok_or_else(|| no_such_sink(&service, &name))?;
    Ok(Json(replies::sink(state)))
}

fn no_such_sink(service: &Service, name: &str) -> Problem {
    Problem::not_found(service.no_such_sink(name))
}
