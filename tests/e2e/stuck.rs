//! Messages without a final status are told when their time is over, once, whatever happens to the process.

use std::collections::BTreeSet;

use routee_sim::{Fate, MessageSpec};

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::Stage;

/// What was told, each event once: its id, its type, how long it took, the status and the label.
type Told = BTreeSet<(String, String, Option<u64>, String, String)>;

fn told(stage: &Stage) -> Told {
    let mut told = Told::new();
    for request in stage.webhook.requests() {
        let body = request.json();
        for event in body["data"]["events"].as_array().expect("events") {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            told.insert((
                text(&event["event_id"]),
                text(&event["type"]),
                event["after"].as_u64(),
                text(&event["current"]["status"]),
                text(&event["message"]["label"]),
            ));
        }
    }
    told
}

/// How many events of this type, and after how many seconds, were told of messages with this label.
fn count(stage: &Stage, kind: &str, after: Option<u64>, label: &str) -> usize {
    let told = told(stage);
    let is_wanted = |event: &&(String, String, Option<u64>, String, String)| {
        event.1 == kind && event.2 == after && event.4 == label
    };
    told.iter().filter(is_wanted).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_final_status_is_told_once_at_each_time_over_a_kill() {
    let stage = Stage::new().await;
    let rules = "
  - {name: slow-otp, event: stuck, after: 1s, match: {label: 'otp-*', status: Queued}, notify: [crm]}
  - {name: slow, event: stuck, after: 4s, when: event.current and not event.current.final, notify: [crm]}
  - {name: ended, match: {final: true}, notify: [crm]}
";
    let config = stage.config_with_rules(&stage.sqlite(), rules);
    let message = |label: &str| {
        let spec = MessageSpec {
            hold: true,
            label: Some(label.to_owned()),
            ..Fate::CarrierViolation.into()
        };
        stage.sim.register(spec).expect("a message")
    };
    let (otp, news) = (message("otp-1"), message("news"));
    let quick = stage.message(Fate::Delivered);
    let process = Process::start(&config);
    process.json(&["watch", &otp, &news, &quick]);

    until("the first is stuck", async || {
        count(&stage, "sms.stuck", Some(1), "otp-1") == 1
    })
    .await;
    process.kill();
    let process = Process::start(&config);
    for label in ["otp-1", "news"] {
        until("both are stuck", async || {
            count(&stage, "sms.stuck", Some(4), label) == 1
        })
        .await;
    }
    for id in [&otp, &news] {
        while stage.sim.advance_message(id).expect("it is known") > 0 {}
    }
    for label in ["otp-1", "news"] {
        until("they ended", async || {
            count(&stage, "sms.status_changed", None, label) == 1
        })
        .await;
    }
    assert_eq!(count(&stage, "sms.stuck", Some(1), "otp-1"), 1);
    let stuck = told(&stage);
    let stuck: Vec<_> = stuck
        .iter()
        .filter(|event| event.1 == "sms.stuck")
        .collect();
    assert_eq!(stuck.len(), 3, "{stuck:?}");
    let shown = process.ask(&["show", &otp]);
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert!(shown.contains("no final status yet: Queued"), "{shown}");
    let (_, page) = ask::json(&process, "/v1/events?type=sms.stuck").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_stays_stuck_is_told_again_over_a_kill_until_it_is_final() {
    let stage = Stage::new().await;
    let rules = "
  - {name: slow, event: stuck, after: 1s, repeat: 2s, notify: [crm]}
  - {name: ended, match: {final: true}, notify: [crm]}
";
    let config = stage.config_with_rules(&stage.sqlite(), rules);
    let spec = MessageSpec {
        hold: true,
        label: Some("otp-1".to_owned()),
        ..Fate::CarrierViolation.into()
    };
    let id = stage.sim.register(spec).expect("a message");
    let process = Process::start(&config);
    process.json(&["watch", &id]);
    let stuck = || count(&stage, "sms.stuck", Some(1), "otp-1");
    until("it is told again", async || stuck() >= 2).await;
    process.kill();
    let before = stuck();
    let process = Process::start(&config);
    until("it is told again after the kill", async || stuck() > before).await;
    while stage.sim.advance_message(&id).expect("it is known") > 0 {}
    until("it ended", async || {
        count(&stage, "sms.status_changed", None, "otp-1") == 1
    })
    .await;
    let (_, page) = ask::json(&process, "/v1/events?type=sms.stuck").await;
    let events = page["items"].as_array().expect("events");
    let times: Vec<u64> = events
        .iter()
        .rev()
        .map(|event| event["repeated"]["times"].as_u64().unwrap_or(0))
        .collect();
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    until("all of it is told", async || stuck() == events.len()).await;
    let requests = stage.webhook.requests();
    let told = requests.iter().map(|request| request.json());
    let told = told.filter(|body| body["type"] == "sms.stuck");
    let keys: BTreeSet<String> = told.map(|body| body["data"]["key"].to_string()).collect();
    assert_eq!(keys.len(), 1, "one incident: {keys:?}");
    assert_eq!(process.terminate(), Some(0));
}
