//! `/v1/deliveries/…`: sends ended deliveries again, and drops dead ones.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use smswatch_api::deliveries::{DroppedReply, EndedRequest, QueuedReply, RetriedReply};
use smswatch_api::problem::ProblemCode;
use smswatch_core::{EndedFilter, Redriven, Service};
use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::DeliveryState;

use crate::problem::Problem;
use crate::query::one_of;
use crate::request::{IdInPath, JsonBody};
use crate::since;

pub(super) async fn retry(
    State(service): State<Service>,
    IdInPath(id): IdInPath<DeliveryId>,
) -> Result<(StatusCode, Json<QueuedReply>), Problem> {
    done(service.retry(&id).await?)?;
    Ok((StatusCode::ACCEPTED, Json(QueuedReply { id })))
}

pub(super) async fn drop_dead(
    State(service): State<Service>,
    IdInPath(id): IdInPath<DeliveryId>,
) -> Result<StatusCode, Problem> {
    done(service.drop_dead(&id).await?)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn retry_all(
    State(service): State<Service>,
    JsonBody(request): JsonBody<EndedRequest>,
) -> Result<(StatusCode, Json<RetriedReply>), Problem> {
    let states = [
        DeliveryState::Dead,
        DeliveryState::Delivered,
        DeliveryState::Suppressed,
    ];
    let filter = ended(request, &states, service.now())?;
    if filter.state == DeliveryState::Delivered && filter.since.is_none() {
        return Err(Problem::invalid(
            "`since`: what was delivered is sent again from some beginning on; name it",
        ));
    }
    let retried = service.retry_all(&filter).await?;
    let retried = retried.ok_or_else(|| {
        let sink = filter.sink.as_deref().unwrap_or_default();
        Problem::invalid(service.no_such_sink(sink))
    })?;
    Ok((StatusCode::ACCEPTED, Json(RetriedReply { retried })))
}

pub(super) async fn drop_all(
    State(service): State<Service>,
    JsonBody(request): JsonBody<EndedRequest>,
) -> Result<Json<DroppedReply>, Problem> {
    let filter = ended(request, &[DeliveryState::Dead], service.now())?;
    let dropped = service.drop_all(&filter).await?;
    if let Some(sink) = &filter.sink
        && dropped == 0
        && !service.has_sink(sink)
    {
        return Err(Problem::invalid(service.no_such_sink(sink)));
    }
    Ok(Json(DroppedReply { dropped }))
}

/// The deliveries that are meant, by default dead ones. An empty request is refused: a caller that means all
/// of them says so with a state.
fn ended(
    request: EndedRequest,
    states: &[DeliveryState],
    now: Timestamp,
) -> Result<EndedFilter, Problem> {
    if request == EndedRequest::default() {
        return Err(Problem::invalid(
            "name at least one of `sink`, `rule`, `since` and `state`; \
             `{\"state\":\"dead\"}` means all that are dead",
        ));
    }
    let invalid = |key: &str, what: &str| Problem::invalid(format!("`{key}`: {what}"));
    for (key, name) in [("sink", &request.sink), ("rule", &request.rule)] {
        if name.as_deref() == Some("") {
            return Err(invalid(key, "expected a name"));
        }
    }
    let state = request.state.map_or(Ok(DeliveryState::Dead), |state| {
        one_of(states, DeliveryState::as_str, state.as_str())
            .map_err(|error| invalid("state", &error))
    })?;
    let since = request.since.as_deref().map(|text| since::read(text, now));
    Ok(EndedFilter {
        state,
        sink: request.sink,
        rule: request.rule,
        since: since.transpose().map_err(|error| invalid("since", error))?,
    })
}

fn done(redriven: Redriven) -> Result<(), Problem> {
    let conflict =
        |message: String| Problem::new(StatusCode::CONFLICT, ProblemCode::Conflict, message);
    match redriven {
        Redriven::Done => Ok(()),
        Redriven::Unknown => Err(Problem::not_found("no delivery of this id is kept")),
        Redriven::SinkGone => Err(conflict(
            "its sink is not configured any more, so it would not be sent".to_owned(),
        )),
        Redriven::Refused(state) => Err(conflict(format!(
            "the delivery is {}; {}",
            state.as_str(),
            match state {
                DeliveryState::Pending => "it is on its way",
                _ => "only a dead one can be dropped",
            }
        ))),
    }
}
