//! `/v1/silences`: what is not told for a while.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_api::list::ListReply;
use smswatch_api::silences::{
    ProposalQuery, ProposalReply, SilenceReply, SilenceRequest, SilencesQuery,
};
use smswatch_core::{HeldBackBy, MadeSilence, NewSilence, Service};
use smswatch_model::DeliveryId;

use crate::problem::Problem;
use crate::query::{Filter, page};
use crate::replies;
use crate::request::{JsonBody, NameInPath};
use crate::since;

pub(super) async fn list(
    State(service): State<Service>,
    Filter(query): Filter<SilencesQuery>,
) -> Result<Json<ListReply<SilenceReply>>, Problem> {
    let page = page(query.cursor, query.limit.as_deref())?;
    let silences = service.silences(&page).await?;
    Ok(Json(replies::list(silences, replies::silence)))
}

pub(super) async fn add(
    State(service): State<Service>,
    JsonBody(request): JsonBody<SilenceRequest>,
) -> Result<(StatusCode, Json<SilenceReply>), Problem> {
    let until = request.until.as_deref().ok_or_else(|| {
        Problem::invalid(
            "`until`: every silence ends; name an instant, such as 2026-05-01T10:28:50Z, or how \
             long from now, such as 2h",
        )
    })?;
    let until = since::read_end(until, service.now())
        .map_err(|error| Problem::invalid(format!("`until`: {error}")))?;
    let new = NewSilence {
        matching: request.matching,
        everything: request.everything,
        until,
        comment: request.comment,
        author: request.author,
    };
    let added = service.add_silence(new).await?;
    let MadeSilence { silence, warnings } = added.map_err(Problem::invalid)?;
    let reply = SilenceReply {
        warnings,
        ..replies::silence(HeldBackBy::Silence(silence, true))
    };
    Ok((StatusCode::CREATED, Json(reply)))
}

pub(super) async fn show(
    State(service): State<Service>,
    NameInPath(id): NameInPath,
) -> Result<Json<SilenceReply>, Problem> {
    let silence = service.silence(&id).await?.ok_or_else(no_such_silence)?;
    Ok(Json(replies::silence(silence)))
}

pub(super) async fn end(
    State(service): State<Service>,
    NameInPath(id): NameInPath,
) -> Result<StatusCode, Problem> {
    match service.end_silence(&id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such_silence()),
    }
}

pub(super) async fn propose(
    State(service): State<Service>,
    Filter(query): Filter<ProposalQuery>,
) -> Result<Json<ProposalReply>, Problem> {
    let id: DeliveryId = query
        .delivery_id
        .parse()
        .map_err(|error| Problem::invalid(format!("`delivery_id`: {error}")))?;
    let matching = service.propose_silence(&id).await?;
    let matching = matching.ok_or_else(|| Problem::not_found("no delivery of this id is kept"))?;
    Ok(Json(ProposalReply { matching }))
}

fn no_such_silence() -> Problem {
    Problem::not_found(
        "no silence of this id is kept; maintenance windows stand in the configuration",
    )
}
