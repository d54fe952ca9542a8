//! `/sinks`: how each is; tests it, holds it back, lets it go on.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::try_join_all;
use smswatch_api::deliveries::DeliveriesQuery;
use smswatch_api::sinks::SinkTestReply;
use smswatch_core::{Service, SinkPreview};
use smswatch_pages::{Done, Shown, Sink};

use super::form::Form;
use super::visit::{Visit, after};
use crate::door::StartupGate;
use crate::page::sandboxed;
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
        .route("/sinks/{name}/preview", get(preview))
        .route("/sinks/{name}/preview.html", get(preview_html))
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

/// How the latest alert for it looks there.
async fn preview(visit: Visit, name: Result<NameInPath, Problem>) -> Response {
    let page = previewed(&visit, name).await.map(|(name, shown)| {
        let parts = shown.preview.parts.into_iter();
        let shown = Shown {
            sink: name,
            delivery: shown.delivery,
            parts: parts.map(|part| (part.name, part.text)).collect(),
            has_html: shown.preview.html.is_some(),
        };
        smswatch_pages::preview(&visit.frame, &shown)
    });
    visit.answer(page)
}

/// The page of HTML that the receiver gets, for a frame in which nothing of it runs and nothing is loaded.
async fn preview_html(visit: Visit, name: Result<NameInPath, Problem>) -> Response {
    match previewed(&visit, name).await {
        Ok((_, shown)) => sandboxed(shown.preview.html.unwrap_or_default()),
        Err(problem) => visit.refuse(&problem),
    }
}

async fn previewed(
    visit: &Visit,
    name: Result<NameInPath, Problem>,
) -> Result<(String, SinkPreview), Problem> {
    let NameInPath(name) = name?;
    let shown = visit.service.preview_sink(&name).await?;
    let shown = shown.ok_or_else(|| Problem::not_found(visit.service.no_such_sink(&name)))?;
    Ok((name, shown))
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
