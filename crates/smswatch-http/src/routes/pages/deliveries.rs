//! `/deliveries`: which there are, and what is done about those that have ended.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply, DeliveryState, EndedRequest};
use smswatch_api::list::ListReply;
use smswatch_core::Service;
use smswatch_model::DeliveryId;
use smswatch_pages::{Confirm, Deliveries, Done};

use super::fields::Fields;
use super::form::Form;
use super::patience::Patience;
use super::visit::{Visit, after};
use crate::door::StartupGate;
use crate::problem::Problem;
use crate::query::Filter;
use crate::request::{IdInPath, JsonBody};
use crate::routes::{deliveries, redrive, sinks};

/// How many stand on a page.
const PAGE: &str = "50";

/// Up to how many are counted before something is done to them.
const COUNTED: usize = 1000;

/// Of how many dead letters the reasons are told at most. Each is read as a whole, so that many are read only as long as a
/// page may take.
const EXPLAINED: usize = 1000;

/// How many of them are read at once.
const EXPLAINED_AT_ONCE: &str = "100";

/// How many can be chosen at once.
const MOST_CHOSEN: usize = 100;

pub(super) fn router() -> Router<StartupGate> {
    Router::new()
        .route("/deliveries", get(list))
        .route("/deliveries/confirm", post(confirm))
        .route("/deliveries/do", post(carry_out))
        .route("/deliveries/{id}", get(show))
        .route("/deliveries/{id}/retry", post(retry))
}

/// The filter that fields name.
fn filter(fields: &Fields) -> DeliveriesQuery {
    DeliveriesQuery {
        state: fields.get("state").map(DeliveryState::from),
        sink: fields.owned("sink"),
        rule: fields.owned("rule"),
        since: fields.owned("since"),
        message_id: fields.owned("message_id"),
        cursor: fields.owned("cursor"),
        limit: Some(PAGE.to_owned()),
    }
}

async fn list(visit: Visit) -> Response {
    let page = shown(&visit).await;
    visit.answer(page.map(|shown| smswatch_pages::deliveries(&visit.frame, &shown)))
}

async fn shown(visit: &Visit) -> Result<Deliveries, Problem> {
    let patience = Patience::begin();
    let (service, query) = (&visit.service, filter(&visit.query));
    let Json(list) = deliveries::list(State(service.clone()), Filter(query.clone())).await?;
    let (mut dead, mut is_cut) = (Vec::new(), false);
    // Why others ended is told with each of them.
    if query.state == Some(DeliveryState::Dead) && query.cursor.is_none() {
        (dead, is_cut) = latest(service, &query, &list, &patience).await?;
    }
    let Json(sinks) = sinks::list(State(service.clone())).await;
    Ok(Deliveries {
        query,
        list,
        dead,
        is_cut,
        sinks: sinks.items.into_iter().map(|sink| sink.sink).collect(),
    })
}

/// The latest that a filter names, from its first page on, and whether there are more.
async fn latest(
    service: &Service,
    query: &DeliveriesQuery,
    first: &ListReply<DeliveryReply>,
    patience: &Patience,
) -> Result<(Vec<DeliveryReply>, bool), Problem> {
    let (mut latest, mut cursor) = (first.items.clone(), first.next.clone());
    while cursor.is_some() && latest.len() < EXPLAINED && !patience.is_over() {
        let query = DeliveriesQuery {
            cursor,
            limit: Some(EXPLAINED_AT_ONCE.to_owned()),
            ..query.clone()
        };
        let Json(more) = deliveries::list(State(service.clone()), Filter(query)).await?;
        latest.extend(more.items);
        cursor = more.next;
    }
    Ok((latest, cursor.is_some()))
}

/// What a filter names, up to a bound, and whether there is more.
async fn all(
    service: &Service,
    query: &DeliveriesQuery,
    most: usize,
) -> Result<(Vec<DeliveryReply>, bool), Problem> {
    let query = DeliveriesQuery {
        cursor: None,
        limit: Some(most.to_string()),
        ..query.clone()
    };
    let Json(list) = deliveries::list(State(service.clone()), Filter(query)).await?;
    Ok((list.items, list.next.is_some()))
}

async fn show(visit: Visit, id: Result<IdInPath<DeliveryId>, Problem>) -> Response {
    let found = match id {
        Ok(id) => deliveries::show(State(visit.service.clone()), id).await,
        Err(problem) => Err(problem),
    };
    visit.answer(found.map(|Json(found)| smswatch_pages::delivery(&visit.frame, &found)))
}

/// Sends one again. It is done at once: the delivery keeps its id, and the page says so.
async fn retry(id: Result<IdInPath<DeliveryId>, Problem>, Form { visit, .. }: Form) -> Response {
    let retried = match id {
        Ok(IdInPath(id)) => {
            let page = format!("/deliveries/{id}");
            let retried = redrive::retry(State(visit.service.clone()), IdInPath(id)).await;
            retried.map(|_| page)
        }
        Err(problem) => Err(problem),
    };
    match retried {
        Ok(page) => after(&page, &Done::new("retried")),
        Err(problem) => visit.refuse(&problem),
    }
}

/// What is to be done, and to what.
struct Order {
    is_drop: bool,
    query: DeliveriesQuery,
    /// Those that were chosen; `None` if all are meant that the filter names.
    chosen: Option<Vec<DeliveryId>>,
}

impl Order {
    fn read(fields: &Fields) -> Result<Self, Problem> {
        let (is_drop, is_all) = match fields.get("what") {
            Some("retry") => (false, false),
            Some("retry-all") => (false, true),
            Some("drop") => (true, false),
            Some("drop-all") => (true, true),
            _ => return Err(Problem::invalid("the form does not say what to do")),
        };
        let chosen: Vec<DeliveryId> = fields.all("id").filter_map(|id| id.parse().ok()).collect();
        if !is_all && chosen.is_empty() {
            return Err(Problem::invalid("no delivery was chosen; tick some first"));
        }
        if chosen.len() > MOST_CHOSEN {
            return Err(Problem::invalid("too many deliveries were chosen at once"));
        }
        Ok(Self {
            is_drop,
            query: filter(fields),
            chosen: (!is_all).then_some(chosen),
        })
    }

    /// The filter in the form in which the API takes it.
    fn request(&self) -> EndedRequest {
        let query = self.query.clone();
        EndedRequest {
            sink: query.sink,
            rule: query.rule,
            since: query.since,
            state: Some(query.state.unwrap_or(DeliveryState::Dead)),
        }
    }
}

async fn confirm(Form { visit, fields }: Form) -> Response {
    let page = asked(&visit.service, &fields).await;
    visit.answer(page.map(|asked| smswatch_pages::confirm(&visit.frame, &asked)))
}

async fn asked(service: &Service, fields: &Fields) -> Result<Confirm, Problem> {
    let order = Order::read(fields)?;
    let (chosen, count, is_cut) = match order.chosen {
        Some(chosen) => {
            let chosen: Vec<String> = chosen.iter().map(ToString::to_string).collect();
            let count = chosen.len();
            (chosen, count, false)
        }
        None => {
            let (found, is_cut) = all(service, &order.query, COUNTED).await?;
            (Vec::new(), found.len(), is_cut)
        }
    };
    Ok(Confirm {
        is_drop: order.is_drop,
        query: order.query,
        chosen,
        count: u64::try_from(count).unwrap_or(u64::MAX),
        is_cut,
    })
}

async fn carry_out(Form { visit, fields }: Form) -> Response {
    match done(&visit.service, &fields).await {
        Ok(done) => after(&smswatch_pages::deliveries_address(&filter(&fields)), &done),
        Err(problem) => visit.refuse(&problem),
    }
}

async fn done(service: &Service, fields: &Fields) -> Result<Done, Problem> {
    let order = Order::read(fields)?;
    let state = State(service.clone());
    let word = if order.is_drop { "dropped" } else { "retried" };
    let count = match (&order.chosen, order.is_drop) {
        (None, false) => {
            let (_, Json(reply)) = redrive::retry_all(state, JsonBody(order.request())).await?;
            reply.retried
        }
        (None, true) => {
            let Json(reply) = redrive::drop_all(state, JsonBody(order.request())).await?;
            reply.dropped
        }
        (Some(chosen), is_drop) => {
            let mut count = 0;
            for id in chosen {
                let (state, id) = (State(service.clone()), IdInPath(id.clone()));
                let done = match is_drop {
                    true => redrive::drop_dead(state, id).await.map(|_| ()),
                    false => redrive::retry(state, id).await.map(|_| ()),
                };
                match done {
                    Ok(()) => count += 1,
                    // Another request was faster.
                    Err(problem) if problem.status().is_client_error() => {}
                    Err(problem) => return Err(problem),
                }
            }
            count
        }
    };
    Ok(Done::counted(word, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_means_what_was_chosen_or_all_that_the_filter_names() {
        let read = |text: &str| Order::read(&Fields::read(text.as_bytes()));
        let all = read("what=retry-all&state=dead&sink=crm").expect("an order");
        assert!(!all.is_drop && all.chosen.is_none());
        assert_eq!(all.request().sink.as_deref(), Some("crm"));
        let one = read("what=drop&id=dlv_1&id=").expect("an order");
        assert!(one.is_drop && one.chosen.is_some_and(|chosen| chosen.len() == 1));
        for text in ["", "what=drop", "what=burn&id=dlv_1", "what=retry&id=a%20b"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
