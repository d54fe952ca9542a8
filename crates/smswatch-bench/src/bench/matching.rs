//! How many events the rules of a configuration decide in a second, with few rules and with many.

use std::hint::black_box;
use std::time::{Duration, Instant};

use smswatch_bench::rule_set;
use smswatch_model::Event;
use smswatch_plugin::rules::{Rules as _, Told};
use smswatch_rules::RuleSet;
use smswatch_testkit::sample;

use super::report::Report;

/// For how long each set of rules is measured.
const SPAN: Duration = Duration::from_secs(2);

/// How many events differ.
const EVENTS: usize = 512;

/// How many times as much an event may cost with a thousand rules as with ten.
const MOST: f64 = 3.0;

pub(super) fn measure(report: &mut Report) -> anyhow::Result<()> {
    eprintln!("matching events with 10, 100 and 1,000 rules");
    let events = events();
    let mut costs = Vec::new();
    for n_rules in [10, 100, 1_000] {
        let rules = rules(n_rules)?;
        let cost = cost(&rules, &events);
        let per_second = 1.0 / cost;
        report.tell(
            format!("events a second through {n_rules} rules, on one core"),
            format!("{per_second:.0}"),
        );
        costs.push(cost);
    }
    let ratio = costs[2] / costs[0];
    report.at_most(
        "an event with 1,000 rules, compared with 10",
        ratio,
        MOST,
        "times",
    );
    Ok(())
}

/// Failures of messages that differ in sender, operator, label and team.
fn events() -> Vec<Event> {
    let events = sample::notification_of(EVENTS).events;
    let events = (0..).zip(events).map(|(n, mut event)| {
        let message = &mut event.message;
        message.label = Some(format!("order-{n}"));
        message.operator = Some(format!("Mobile {}", n % 40));
        message.from = Some(format!("Shop{}", n % 100));
        message
            .tags
            .insert("team".to_owned(), format!("team-{}", n % 20));
        event
    });
    events.collect()
}

/// Seconds of one event.
fn cost(rules: &RuleSet, events: &[Event]) -> f64 {
    let nothing = Told::default();
    let begun = Instant::now();
    let mut n_events = 0_u32;
    while begun.elapsed() < SPAN {
        for event in events {
            black_box(rules.matches(black_box(std::slice::from_ref(event)), &nothing));
            n_events += 1;
        }
    }
    begun.elapsed().as_secs_f64() / f64::from(n_events)
}

/// Rules of the kinds that people write, of which three can match an event: those of one sender, one
/// operator, one team or one label, and a few about everything.
fn rules(n_rules: usize) -> anyhow::Result<RuleSet> {
    let mut text = "rules:\n".to_owned();
    for n in 0..n_rules {
        let matching = match n {
            0 => String::new(),
            1 => "detailed_status: Carrier Violation".to_owned(),
            n => match n % 4 {
                0 => format!("status: [Undelivered, Failed], label: order-{n}"),
                1 => format!("detailed_status: Carrier Violation, operator: Mobile {n}"),
                2 => format!("status: Undelivered, tags.team: team-{n}"),
                _ => format!("from: [Shop{n}, Shop-{n}], country: '!GR'"),
            },
        };
        text += &format!("  - {{name: r{n}, match: {{{matching}}}, notify: [crm]}}\n");
    }
    rule_set("rules.yaml", &text, Some("/rules"), &["crm".to_owned()])
}
