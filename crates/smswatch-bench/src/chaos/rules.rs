//! The rules of a run: an archive of everything, the default rules, and some of each kind that those do not have; and
//! the configurations between which replicas are reloaded.

use std::net::SocketAddr;

use anyhow::bail;
use serde_json::{Value, json};
use smswatch_rules::{Document, Node};

use super::receiver::SECRET;

const FILE: &str = "config/rules.default.yaml";

const DEFAULT: &str = include_str!("../../../../config/rules.default.yaml");

/// The sinks that are told everything, one for each receiver.
pub(super) const ARCHIVES: [&str; 3] = ["flaky", "hanging", "outage"];

/// The sinks of all other rules, in the order of the receivers that take what is for them.
pub(super) const SINKS: [&str; 3] = ["oncall", "channel", "extra"];

/// The rate that counts for longer than any run, so that nothing leaves its window: its figures must be those of the log.
pub(super) const EXACT_RATE: &str = "undelivered-in-all";

/// What is silenced for a whole run: which rule, and which detailed status.
pub(super) const SILENCED: [(&str, &str); 2] =
    [("recipient-fault", "Roaming"), ("barred", "Call Barred")];

/// The rules at the top, which tell the archives everything.
fn archives() -> [Value; 2] {
    [
        json!({"name": "archive", "notify": ARCHIVES}),
        // The first rule does not tell of a word that only refines what it told before.
        json!({"name": "refinements", "match": {"refined": true}, "notify": ARCHIVES}),
    ]
}

/// The rules below those of the archives, from top to bottom. Spans of the default rules are shortened, so that a short
/// run sees a group be told several times, and an alert end.
///
/// # Errors
///
/// The file of the default rules is not what it should be.
pub(super) fn rules() -> anyhow::Result<Vec<Value>> {
    let mut rules = default_rules()?;
    rules.extend([
        json!({
            "name": EXACT_RATE, "event": "rate", "count": {"status": "Undelivered"}, "among": {"final": true},
            "over": "1d", "above": 10, "repeat": "5s", "notify": ["extra"],
        }),
        json!({"name": "barred", "match": {"detailed_status": "Call Barred"}, "notify": ["extra"]}),
        // What it holds back is told by the last but one.
        json!({
            "name": "a-few", "match": {"fault": "recipient"}, "throttle": {"at_most": 7, "per": "1d"},
            "notify": ["extra"],
        }),
        json!({
            "name": "before-the-alert", "match": {"status": ["Failed", "Undelivered"]},
            "unless_firing": EXACT_RATE, "notify": ["extra"],
        }),
        json!({"name": "once", "match": {"final": true}, "once_per": "message", "notify": ["extra"]}),
        json!({
            "name": "sent", "match": {"status": "Sent"}, "notify": ["extra"],
            "group": {"by": ["country", "campaign"], "wait": "1s", "interval": "2s", "max": 5},
        }),
    ]);
    Ok(rules)
}

fn default_rules() -> anyhow::Result<Vec<Value>> {
    let document = match Document::parse(FILE, DEFAULT) {
        Ok(document) => document,
        Err(problems) => bail!("{FILE} is not YAML: {problems:?}"),
    };
    let rules = document.find("/rules").and_then(Node::as_sequence);
    let rules = rules.unwrap_or_default().iter().map(Node::to_json);
    Ok(rules.map(hastened).collect())
}

/// A rule whose spans suit a run of half a minute.
fn hastened(mut rule: Value) -> Value {
    if let Some(group) = rule.get_mut("group") {
        if group["wait"] != "0s" {
            group["wait"] = json!("1s");
        }
        group["interval"] = json!("5s");
    }
    if rule["event"] == "rate" {
        rule["over"] = json!("20s");
        rule["at_least"] = json!(10);
    }
    if rule["event"] == "stuck" {
        rule["after"] = json!("10s");
    }
    rule
}

/// What a replica may find in its file.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// Two that mean the same to every event.
    pub(super) good: [String; 2],
    /// One that must be refused.
    pub(super) bad: String,
}

impl Files {
    /// For a replica with this way to Redis.
    pub(super) fn new(
        sim: &str,
        redis: SocketAddr,
        receivers: [SocketAddr; 3],
        rules: &[Value],
    ) -> Self {
        let first = configuration(sim, redis, receivers, rules);
        // A rule that matches nothing, and a sink that ends while its successor begins.
        let mut second = first.clone();
        let nobody = json!({"name": "nobody", "match": {"label": "nobody"}, "notify": SINKS});
        second["rules"]
            .as_array_mut()
            .expect("rules are a list")
            .push(nobody);
        second["sinks"]["extra"]["concurrency"] = json!(12);
        let mut bad = first.clone();
        bad["rules"][0]["notify"] = json!(["flaky", "a sink that nobody configured"]);
        Self {
            good: [first, second].map(|file| file.to_string()),
            bad: bad.to_string(),
        }
    }
}

/// The configuration; JSON is YAML.
fn configuration(
    sim: &str,
    redis: SocketAddr,
    receivers: [SocketAddr; 3],
    rules: &[Value],
) -> Value {
    let mut configuration = json!({
        "routee": {
            "application_id": "sim-app",
            "application_secret": "sim-secret",
            "api_url": sim,
            "auth_url": sim,
            "requests_per_second": 2000,
            "timeout": "10s",
        },
        "store": {"url": format!("redis://{redis}")},
        "watch": {"schedule": ["1s", "1s", "2s"], "confirm_after": "6s"},
        "http": {"listen": "127.0.0.1:0"},
        // What is accounted for at the end must be there at the end.
        "history": {"deliveries": {"for": "7d", "max": 5_000_000}},
        "rules": archives().iter().chain(rules).collect::<Vec<_>>(),
    });
    for (n, receiver) in receivers.iter().enumerate() {
        for (name, path) in [(ARCHIVES[n], ""), (SINKS[n], SINKS[n])] {
            configuration["sinks"][name] = json!({
                "type": "webhook",
                "url": format!("http://{receiver}/{path}"),
                "secret": SECRET,
                "allow_private": true,
                "timeout": "2s",
                "concurrency": 16,
                "breaker": {"failures": 5, "probe": "1s"},
                "retry": {"schedule": ["200ms", "500ms", "1s", "2s"], "give_up_after": "24h"},
            });
        }
    }
    configuration
}
