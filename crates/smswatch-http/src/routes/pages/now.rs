//! `/`, for a browser: what is wrong now, and what the last 24 hours were like.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply};
use smswatch_api::list::ListReply;
use smswatch_api::stats::StatsQuery;
use smswatch_core::{Service, StuckMessages, WaitingGroups};
use smswatch_pages::{Group, Groups, Known, Now, Stuck, Told};

use super::visit::Visit;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::Filter;
use crate::replies;
use crate::routes::{alerts, deliveries, health, sinks, stats};

/// How many of the latest deliveries are counted by their rules: the page costs the same however many there are.
const DELIVERIES: &str = "500";

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
    let (status, firing, stuck, groups, stats, deliveries, sinks) = tokio::join!(
        health::status(State(service.clone())),
        alerts::list(State(service.clone())),
        service.stuck(),
        service.waiting_groups(),
        stats::show(State(service.clone()), Filter(StatsQuery::default())),
        deliveries::list(State(service.clone()), latest_deliveries()),
        sinks::list(State(service.clone())),
    );
    let (Json(status), Json(firing), Json(stats), Json(deliveries), Json(sinks)) =
        (status?, firing?, stats?, deliveries?, sinks);
    Ok(Known {
        status,
        sinks: sinks.items,
        firing: firing.items,
        stuck: shown_stuck(stuck?),
        groups: shown_groups(groups?),
        lag_seconds: service.poll_lag().map(|lag| lag.as_secs()),
        stats,
        told: told(deliveries),
    })
}

fn shown_stuck(stuck: StuckMessages) -> Stuck {
    Stuck {
        events: stuck.events,
        is_cut: stuck.is_cut,
    }
}

fn shown_groups(groups: WaitingGroups) -> Groups {
    let next = groups.groups.into_iter().map(|group| Group {
        rule: group.rule,
        sink: group.sink,
        values: group.values,
        events: group.events,
        due: group.due,
    });
    Groups {
        next: next.collect(),
        count: groups.count,
        is_cut: groups.is_cut,
    }
}

/// The deliveries that are counted by their rules.
fn latest_deliveries() -> Filter<DeliveriesQuery> {
    Filter(DeliveriesQuery {
        since: Some("24h".to_owned()),
        limit: Some(DELIVERIES.to_owned()),
        ..DeliveriesQuery::default()
    })
}

/// The same as pages take them.
fn told(list: ListReply<DeliveryReply>) -> Told {
    Told {
        is_cut: list.next.is_some(),
        deliveries: list.items,
    }
}
