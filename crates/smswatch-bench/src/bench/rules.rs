//! What an event costs with twenty rules of all kinds, compared with one.

use std::time::Duration;

use serde_json::{Value, json};

use super::Programs;
use super::report::Report;
use super::stage::Stage;

const MESSAGES: u64 = 20_000;

/// How many times as much an event may cost with twenty rules as with one.
const MOST: f64 = 1.3;

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("letting {MESSAGES} messages change with one rule and with twenty");
    let mut costs = Vec::new();
    for rules in [Vec::new(), others()] {
        let n_rules = rules.len() + 1;
        let cost = cost(programs, &rules, report).await?;
        report.tell(
            format!("CPU per event with rules: {n_rules}"),
            format!("{:.0} µs", cost * 1e6),
        );
        costs.push(cost);
    }
    let ratio = costs[1] / costs[0];
    report.at_most(
        "an event with 20 rules, compared with 1",
        ratio,
        MOST,
        "times",
    );
    Ok(())
}

/// The seconds of CPU of one event, from the change to the webhook.
async fn cost(programs: &Programs, rules: &[Value], report: &mut Report) -> anyhow::Result<f64> {
    let stage = Stage::set_with(programs, Duration::from_secs(1), &[], rules).await?;
    let (simulator, subject) = (&stage.simulator, &stage.subject);
    simulator.held("rules", MESSAGES).await?;
    subject.watch(simulator, "rules", MESSAGES).await?;
    stage.settles(MESSAGES).await?;
    let before = subject.process.cpu()?;
    simulator.advance("rules", None).await?;
    stage.receiver.wait_for(MESSAGES).await?;
    subject.empties("smswatch_queue_depth").await?;
    let cpu = subject.process.cpu()? - before;
    report.balance(stage.ledger("rules", MESSAGES).await?);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = MESSAGES as f64;
    Ok(cpu.as_secs_f64() / all)
}

/// Nineteen rules of all kinds below the one that tells the receiver. What they match it has been told of already, so
/// the same webhooks arrive; no rate rises to its bound.
fn others() -> Vec<Value> {
    let own = [
        "sink_down",
        "sink_recovered",
        "provider_down",
        "polling_behind",
    ];
    let matching = [
        json!({"match": {"detailed_status": "Carrier Violation"}}),
        json!({"match": {"status": ["Undelivered", "Failed"], "country": "!GR"}}),
        json!({"match": {"label": "otp-*"}, "severity": "critical"}),
        json!({"match": {"label": "/^order-[0-9]+$/"}}),
        json!({"match": {"fault": "recipient", "outcome": "failed"}}),
        json!({"match": {"tags.team": "crm", "from": ["MyShop", "MyBank"]}}),
        json!({"match": {"regression": true}}),
        json!({"match": {"late": true}, "severity": "info"}),
        json!({"when": "event.message.part_count > 1"}),
        json!({"match": {"fault": "carrier"}, "group": {"by": ["country", "operator"]}}),
        json!({"match": {"status": "Undelivered"}, "once_per": "message"}),
        json!({"event": "stuck", "after": "2h"}),
        json!({"event": ["not_found", "gave_up"]}),
        json!({
            "event": "rate", "count": {"status": "Undelivered"}, "among": {"final": true},
            "by": ["country", "operator"], "over": "15m", "above": 10_000_000,
        }),
        json!({"match": {"status": "Failed"}, "template": {"title": "{{ title }} ({{ severity }})"}}),
    ];
    let own = own.map(|event| json!({"event": event}));
    let numbered = (0..).zip(matching.into_iter().chain(own));
    numbered
        .map(|(n, mut rule)| {
            rule["name"] = json!(format!("other-{n}"));
            rule["notify"] = json!(["receiver"]);
            rule
        })
        .collect()
}
