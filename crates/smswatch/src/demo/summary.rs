//! What was seen in the demo, in one short table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use smswatch_core::{EventFilter, Service, ServiceError};
use smswatch_plugin::model::Outcome;
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{DeliveryFilter, DeliveryState, Page, PageRequest};

/// How many items are read at once.
const PAGE: usize = 1000;

#[derive(Default)]
struct Counts {
    messages: u64,
    outcomes: BTreeMap<&'static str, u64>,
    events: u64,
    alerts: BTreeMap<String, u64>,
    waiting: u64,
}

/// Counts what the store holds and says it.
pub(super) async fn of(service: &Service) -> anyhow::Result<String> {
    Ok(render(&count(service).await?))
}

async fn count(service: &Service) -> Result<Counts, ServiceError> {
    let mut counts = Counts::default();
    let watches = async |page: PageRequest| service.watches(&page).await;
    each(watches, |watch| {
        counts.messages += 1;
        let outcome = outcome(watch.state, watch.outcome);
        *counts.outcomes.entry(outcome).or_default() += 1;
    })
    .await?;
    let every = EventFilter::default();
    let events = async |page: PageRequest| service.events(&every, &page).await;
    each(events, |_| counts.events += 1).await?;
    let every = DeliveryFilter::default();
    let deliveries = async |page: PageRequest| service.deliveries(&every, &page).await;
    each(deliveries, |delivery| {
        if delivery.state == DeliveryState::Delivered {
            *counts.alerts.entry(delivery.rule).or_default() += 1;
        } else {
            counts.waiting += 1;
        }
    })
    .await?;
    Ok(counts)
}

/// Takes each item of a list that comes in pages.
async fn each<T>(
    list: impl AsyncFn(PageRequest) -> Result<Page<T>, ServiceError>,
    mut take: impl FnMut(T),
) -> Result<(), ServiceError> {
    let mut cursor = None;
    loop {
        let limit = PAGE;
        let page = list(PageRequest { cursor, limit }).await?;
        page.items.into_iter().for_each(&mut take);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

fn outcome(state: WatchState, outcome: Outcome) -> &'static str {
    match (state, outcome) {
        (WatchState::NotFound, _) => "unknown to Routee",
        (WatchState::GaveUp, _) => "never ended",
        (_, Outcome::Delivered) => "delivered",
        (_, Outcome::Failed) => "not delivered",
        (_, Outcome::Pending) => "still on their way",
    }
}

fn render(counts: &Counts) -> String {
    let mut text = String::from("\nWhat was seen\n\n");
    let mut line = |what: &str, count: u64| {
        // Writing to a string does not fail.
        let _written = writeln!(text, "  {what:<34} {count:>6}");
    };
    line("messages watched", counts.messages);
    for (outcome, count) in &counts.outcomes {
        line(&format!("  {outcome}"), *count);
    }
    line("changes noticed", counts.events);
    line("alerts delivered", counts.alerts.values().sum());
    for (rule, count) in &counts.alerts {
        line(&format!("  {rule}"), *count);
    }
    if counts.waiting > 0 {
        line("alerts not delivered yet", counts.waiting);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_short_table() {
        let counts = Counts {
            messages: 300,
            outcomes: BTreeMap::from([("delivered", 250), ("not delivered", 50)]),
            events: 912,
            alerts: BTreeMap::from([
                ("carrier-violation".to_owned(), 9),
                ("failed".to_owned(), 6),
            ]),
            waiting: 1,
        };
        insta::assert_snapshot!(render(&counts));
    }
}
