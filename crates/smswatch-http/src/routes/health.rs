//! How the process is: for load balancers, for Prometheus, and for callers with a token.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use smswatch_api::health::{AliveReply, ReadyReply, StatusReply};
use smswatch_core::Service;

use crate::auth::Caller;
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::replies;

/// The format that the metrics are written in.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whoever asks starts the process anew when it says no: so it does only where that helps.
pub(super) async fn alive(State(gate): State<StartupGate>) -> (StatusCode, Json<AliveReply>) {
    // Before the service has started, the process waits, and says for what.
    let ok = gate.service().is_none_or(|service| service.is_alive());
    let status = match ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(AliveReply { ok }))
}

pub(super) async fn ready(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
) -> (StatusCode, Json<ReadyReply>) {
    let reply = replies::ready(service.health(), caller);
    let status = if reply.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(reply))
}

pub(super) async fn metrics(
    State(service): State<Service>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let mut accepted = headers.get_all(header::ACCEPT).into_iter();
    // Who does not ask for this format may read it as the older one, in which there are no exemplars.
    let has_exemplars = accepted.any(|formats| {
        let formats = formats.to_str().unwrap_or_default();
        formats.contains("application/openmetrics-text")
    });
    (
        [(header::CONTENT_TYPE, OPEN_METRICS)],
        service.metrics(has_exemplars).await,
    )
}

pub(super) async fn status(State(service): State<Service>) -> Result<Json<StatusReply>, Problem> {
    let gauges = service.gauges().await?;
    let given_up = service.given_up(&gauges).await;
    let silences = service.active_silences().await?;
    let health = service.health();
    Ok(Json(replies::status(health, gauges, &given_up, silences)))
}
