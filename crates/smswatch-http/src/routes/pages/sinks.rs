//! `/sinks`: how each is; tests it, holds it back, lets it go on.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::try_join_all;
use smswatch_api::deliveries::DeliveriesQuery;
use smswatch_api::sinks::SinkTestReply;
use smswatch_core::Service;
use smswatch_pages::{Done, Sink};

use super::form::Form;
use super::visit::{Visit, after};
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::query::Filter;
use crate::request::NameInPath;
use crate::routes::{deliveries, health, sinks};

/// How many of the latest deliveries of a sink are shown.
const LATEST: &str = "3";

pub(super) fn router() -> Router<StartupGate> {
    Router::new()
        .route("/sinks", get(list))
        .route("/sinks/{name}/test", post(test))
        .route("/sinks/{name}/pause", post(pause))
        .route("/sinks/{name}/resume", post(resume))
}

async fn list(visit: Visit) -> Response {
    answer(&visit, None).await
}

async fn answer(visit: &Visit, test: Option<SinkTestReply>) -> Response {
    let sinks = shown(&visit.service).await;
    visit.answer(sinks.map(|sinks| smswatch_pages::sinks(&visit.frame, &sinks, test.as_ref())))
}

async fn shown(service: &Service) -> Result<Vec<Sink>, Problem> {
    let Json(status) = health::status(State(service.clone())).await?;
    let Json(sinks) = sinks::list(State(service.clone())).await;
    let shown = sinks.items.into_iter().map(|sink| async {
        let query = DeliveriesQuery {
            sink: Some(sink.sink.clone()),
            limit: Some(LATEST.to_owned()),
            ..DeliveriesQuery::default()
        };
        let Json(latest) = deliveries::list(State(service.clone()), Filter(query)).await?;
        let queue = status.queues.iter().find(|queue| queue.sink == sink.sink);
        Ok::<_, Problem>(Sink {
            queue: queue.cloned(),
            sink,
            latest: latest.items,
        })
    });
    try_join_all(shown).await
}

async fn test(name: Result<NameInPath, Problem>, Form { visit, .. }: Form) -> Response {
    let tested = match name {
        Ok(name) => sinks::test(State(visit.service.clone()), name).await,
        Err(problem) => Err(problem),
    };
    match tested {
        Ok(Json(test)) => answer(&visit, Some(test)).await,
        Err(problem) => visit.refuse(&problem),
    }
}

async fn pause(name: Result<NameInPath, Problem>, Form { visit, .. }: Form) -> Response {
    let paused = match name {
        Ok(name) => sinks::pause(State(visit.service.clone()), name).await,
        Err(problem) => Err(problem),
    };
    match paused {
        Ok(_) => after("/sinks", &Done::new("paused")),
        Err(problem) => visit.refuse(&problem),
    }
}

async fn resume(name: Result<NameInPath, Problem>, Form { visit, .. }: Form) -> Response {
    let resumed = match name {
        Ok(name) => sinks::resume(State(visit.service.clone()), name).await,
        Err(problem) => Err(problem),
    };
    match resumed {
        Ok(_) => after("/sinks", &Done::new("resumed")),
        Err(problem) => visit.refuse(&problem),
    }
}
