//! What could not be delivered is seen, understood, and sent again under its own id, or dropped.

use std::path::PathBuf;

use routee_sim::Fate;
use serde_json::{Value, json};
use smswatch_testkit::receiver::{Answer, Request};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, sqlite_in, webhook};

fn config(stage: &Stage, store: &str) -> PathBuf {
    let rest = format!(
        r#"
watch: {{schedule: [50ms], confirm_after: 200ms}}
history: {{dead: {{for: 30d, max: 1}}}}
sinks:
{crm}
rules: [{{name: carrier-violation, match: {{detailed_status: Carrier Violation}}, notify: [crm]}}]
"#,
        crm = webhook("crm", &stage.webhook, ""),
    );
    stage.write(store, &rest)
}

/// Has `n` messages watched whose carrier refuses them.
fn watch(stage: &Stage, process: &Process, n: usize) {
    stage.watch(process, n, Fate::CarrierViolation);
}

/// Waits until so many dead letters are listed.
async fn dead_letters(process: &Process, n: usize) -> Vec<Value> {
    until("there are as many dead letters", async || {
        let (_, page) = ask::json(process, "/v1/deliveries?state=dead").await;
        page["items"].as_array().map(Vec::len) == Some(n)
    })
    .await;
    let listed = process.json(&["dead", "list"]);
    let letters = listed.as_array().expect("a list").clone();
    assert_eq!(letters.len(), n);
    letters
}

fn webhook_ids(requests: &[Request]) -> Vec<&str> {
    let ids = requests.iter().map(|request| request.header("webhook-id"));
    ids.map(|id| id.expect("an id")).collect()
}

async fn a_dead_letter_is_mended(store: &str) {
    let stage = Stage::new().await;
    let refusal = Answer::status(422).body("the field is missing");
    stage.webhook.answer_always(refusal);
    let process = Process::start(&config(&stage, store));
    watch(&stage, &process, 1);
    let letter = dead_letters(&process, 1).await.remove(0);
    let id = letter["id"].as_str().expect("an id");
    for command in [&["dead", "list"][..], &["dead", "show", id]] {
        let output = process.ask(command);
        let told = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && told.contains(id), "{told}");
        assert!(told.contains("422"), "the reason is not told: {told}");
    }
    let attempt = &letter["attempts"][0];
    assert_eq!(attempt["result"], "dead");
    assert!(attempt["at"].is_string() && attempt["detail"].is_string());

    let unknown = process.ask(&["dead", "retry", "dlv_none"]);
    assert_eq!(unknown.status.code(), Some(1));
    for command in ["list", "retry", "drop"] {
        let misspelled = process.ask(&["dead", command, "--sink", "crn"]);
        assert_eq!(misspelled.status.code(), Some(1));
        let said = String::from_utf8_lossy(&misspelled.stderr).into_owned();
        assert!(said.contains("no sink is named crn"), "{command}: {said}");
    }
    let nothing_named = process.ask(&["dead", "drop"]);
    assert_eq!(nothing_named.status.code(), Some(2));
    let of_others = process.json(&["dead", "retry", "--rule", "no-such-rule"]);
    assert_eq!(of_others, json!({"retried": 0}));

    stage.webhook.answer_always(Answer::status(200));
    assert!(process.ask(&["dead", "retry", id]).status.success());
    assert_eq!(webhook_ids(&stage.webhook.wait_for(2).await), [id, id]);
    dead_letters(&process, 0).await;
    delivered(&process, id, &["dead", "delivered"]).await;

    let replay = ["replay", "--sink", "crm", "--since", "1h"];
    assert_eq!(process.json(&replay), json!({"retried": 1}));
    assert_eq!(webhook_ids(&stage.webhook.wait_for(3).await), [id, id, id]);
    delivered(&process, id, &["dead", "delivered", "delivered"]).await;
    let refused = process.ask(&["dead", "drop", id]);
    assert_eq!(refused.status.code(), Some(1), "it is not dead");

    stage.webhook.answer_always(Answer::status(422));
    watch(&stage, &process, 1);
    let letter = dead_letters(&process, 1).await.remove(0);
    let id = letter["id"].as_str().expect("an id");
    assert_eq!(
        process.json(&["dead", "drop", "--all"]),
        json!({"dropped": 1})
    );
    dead_letters(&process, 0).await;
    let gone = process.ask(&["dead", "show", id]);
    assert_eq!(gone.status.code(), Some(1));
    assert_eq!(process.terminate(), Some(0));
}

/// Waits until the delivery's attempts have had these results.
async fn delivered(process: &Process, id: &str, results: &[&str]) {
    until("the delivery gets there", async || {
        let (_, delivery) = ask::json(process, &format!("/v1/deliveries/{id}")).await;
        let attempts = delivery["attempts"].as_array().expect("attempts").iter();
        attempts.map(|attempt| &attempt["result"]).eq(results)
    })
    .await;
    assert_eq!(process.json(&["dead", "show", id])["state"], "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_dead_letter_is_mended_and_delivered_under_its_id() {
    let redis = RedisServer::start();
    a_dead_letter_is_mended(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_dead_letter_is_mended_and_delivered_under_its_id() {
    let directory = tempfile::tempdir().expect("a directory");
    a_dead_letter_is_mended(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_that_a_bound_removes_are_counted() {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(422));
    let config = config(&stage, &stage.sqlite());
    let text = std::fs::read_to_string(&config).expect("a file");
    let roomy = text.replace("max: 1}", "max: 100}");
    assert_ne!(roomy, text);
    std::fs::write(&config, roomy).expect("a file");
    let process = Process::start(&config);
    watch(&stage, &process, 3);
    dead_letters(&process, 3).await;
    assert_eq!(process.terminate(), Some(0));
    // The history is trimmed when a process starts, and every few seconds after that.
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    dead_letters(&process, 1).await;
    let trimmed = "smswatch_trimmed_total{kind=\"dead\"} 2";
    until("what was removed is counted", async || {
        ask::metrics(&process).await.contains(trimmed)
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_a_sink_that_has_gone_can_only_be_dropped() {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(422));
    let config = config(&stage, &stage.sqlite());
    let process = Process::start(&config);
    watch(&stage, &process, 1);
    let letter = dead_letters(&process, 1).await.remove(0);
    assert_eq!(process.terminate(), Some(0));

    let text = std::fs::read_to_string(&config).expect("a file");
    let renamed = text.replace("crm:", "pager:").replace("[crm]", "[pager]");
    std::fs::write(&config, renamed).expect("a file");
    let process = Process::start(&config);
    let id = letter["id"].as_str().expect("an id");
    let refused = process.ask(&["dead", "retry", id]);
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("not configured"), "{why}");
    let refused = process.ask(&["dead", "retry", "--sink", "crm"]);
    assert_eq!(refused.status.code(), Some(1));
    let all = process.json(&["dead", "retry", "--all"]);
    assert_eq!(all, json!({"retried": 0}));
    assert_eq!(dead_letters(&process, 1).await[0]["id"], id);
    let dropped = process.json(&["dead", "drop", "--all"]);
    assert_eq!(dropped, json!({"dropped": 1}));
    dead_letters(&process, 0).await;
    assert_eq!(process.terminate(), Some(0));
}

/// Nobody would attempt it any more, and nobody would ever see it.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_sink_that_is_gone_is_a_dead_letter_until_the_sink_is_there_again() {
    let stage = Stage::new().await;
    let config = config(&stage, &stage.sqlite());
    stage.webhook.answer_always(Answer::status(500));
    let process = Process::start(&config);
    watch(&stage, &process, 1);
    stage.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));

    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::write(&config, text.replace("crm", "support")).expect("a file");
    let process = Process::start(&config);
    let letter = dead_letters(&process, 1).await.remove(0);
    let attempts = letter["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.last().expect("one")["detail"], "sink_gone");
    let id = letter["id"].as_str().expect("an id");
    assert_eq!(process.ask(&["dead", "retry", id]).status.code(), Some(1));
    assert_eq!(process.terminate(), Some(0));

    std::fs::write(&config, text).expect("a file");
    stage.webhook.answer_always(Answer::status(200));
    let process = Process::start(&config);
    let before = stage.webhook.requests().len();
    assert!(process.ask(&["dead", "retry", id]).status.success());
    let arrived = stage.webhook.wait_for(before + 1).await;
    assert_eq!(webhook_ids(&arrived[before..]), [id]);
    assert_eq!(process.terminate(), Some(0));
}
