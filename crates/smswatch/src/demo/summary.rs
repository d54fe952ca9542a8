//! What was seen in the demo, in one short table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use smswatch_core::{EventFilter, Service, ServiceError};
use smswatch_plugin::model::Outcome;
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{DeliveryFilter, DeliveryState, PageRequest};

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
    let mut cursor = None;
    loop {
        let page = service
            .watches(&PageRequest {
                cursor,
                limit: PAGE,
            })
            .await?;
        for watch in &page.items {
            counts.messages += 1;
            *counts
                .outcomes
                .entry(outcome(watch.state, watch.outcome))
                .or_default() += 1;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let page = PageRequest {
            cursor,
            limit: PAGE,
        };
        let page = service.events(&EventFilter::default(), &page).await?;
        counts.events += u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let page = PageRequest {
            cursor,
            limit: PAGE,
        };
        let page = service
            .deliveries(&DeliveryFilter::default(), &page)
            .await?;
        for delivery in page.items {
            if delivery.state == DeliveryState::Delivered {
                *counts.alerts.entry(delivery.rule).or_default() += 1;
            } else {
                counts.waiting += 1;
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(counts)
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
