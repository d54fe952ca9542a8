//! `/`, for a browser: what is wrong now, and what the last 24 hours were like.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply};
use smswatch_api::events::EventsQuery;
use smswatch_api::list::ListReply;
use smswatch_api::stats::StatsQuery;
use smswatch_core::Service;
use smswatch_model::EventKind;
use smswatch_pages::{Known, Now, Told};

use super::visit::Visit;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::Filter;
use crate::replies;
use crate::routes::{alerts, deliveries, events, groups, health, sinks, stats, stuck};

/// How many of the latest deliveries are counted by their rules: the page costs the same however many there are.
const DELIVERIES: &str = "500";

/// How many of the latest changes of messages are looked at for how those of an alert fail.
const CHANGES: &str = "200";

pub(crate) async fn show(visit: Visit) -> Response {
    let health = replies::ready(visit.service.health(), Caller::Known);
    // What is wrong may be that the store is away. Then this is told, and nothing else.
    let known = known(&visit.service).await;
    if let Err(problem) = &known {
        tracing::debug!(
            problem = problem.message(),
            "a page shows what can be told without the store"
        );
    }
    let now = Now {
        health,
        known: known.ok(),
    };
    visit.answer(Ok(smswatch_pages::now(&visit.frame, &now)))
}

async fn known(service: &Service) -> Result<Known, Problem> {
    let (status, firing, stuck, groups, stats, deliveries, latest, sinks) = tokio::join!(
        health::status(State(service.clone())),
        alerts::list(State(service.clone())),
        stuck::list(State(service.clone())),
        groups::list(State(service.clone())),
        stats::show(State(service.clone()), Filter(StatsQuery::default())),
        deliveries::list(State(service.clone()), latest_deliveries()),
        events::list(State(service.clone()), latest_changes()),
        sinks::list(State(service.clone())),
    );
    let (Json(status), Json(firing), Json(stuck), Json(groups)) =
        (status?, firing?, stuck?, groups?);
    let (Json(stats), Json(deliveries), Json(latest), Json(sinks)) =
        (stats?, deliveries?, latest?, sinks);
    Ok(Known {
        status,
        sinks: sinks.items,
        firing: firing.items,
        stuck,
        groups,
        lag_seconds: service.poll_lag().map(|lag| lag.as_secs()),
        stats,
        told: told(deliveries),
        latest: latest.items,
    })
}

/// The deliveries that are counted by their rules.
fn latest_deliveries() -> Filter<DeliveriesQuery> {
    Filter(DeliveriesQuery {
        since: Some("24h".to_owned()),
        limit: Some(DELIVERIES.to_owned()),
        ..DeliveriesQuery::default()
    })
}

/// The changes of messages that tell how those of an alert fail.
fn latest_changes() -> Filter<EventsQuery> {
    Filter(EventsQuery {
        kind: Some(EventKind::StatusChanged.as_str().to_owned()),
        limit: Some(CHANGES.to_owned()),
        ..EventsQuery::default()
    })
}

/// The same as pages take them.
fn told(list: ListReply<DeliveryReply>) -> Told {
    Told {
        is_cut: list.next.is_some(),
        deliveries: list.items,
    }
}
