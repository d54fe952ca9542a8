//! Events that only add a detail notify whoever was not notified of the status before: a fact that lies
//! in the store, and no guess from what the message looks like now.

use routee_sim::{MessageSpec, PartSpec, Step};
use serde_json::Value;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::watch_that;
use crate::process::Process;
use crate::stage::{Stage, settled, sqlite_in};

const RULES: &str = r#"
  - {name: known, match: {status: Undelivered}, notify: [oncall-mail]}
  - {name: failed, match: {status: Undelivered, outcome: failed}, notify: [crm]}
  - {name: tagged, match: {status: Undelivered, tags.team: crm}, notify: [ops-slack]}
"#;

/// The first part is undelivered, and when the second has failed it turns out why.
fn two_parts() -> MessageSpec {
    let mut refined = Step::new(0, "Undelivered").because("Carrier Violation", "Spam.");
    refined.keep_date = true;
    let part = |steps: Vec<Step>| PartSpec {
        steps,
        ..PartSpec::default()
    };
    let (sent, failed) = (Step::new(0, "Sent"), Step::new(0, "Failed"));
    let undelivered = Step::new(0, "Undelivered");
    MessageSpec {
        parts: vec![
            part(vec![sent.clone(), undelivered, refined]),
            part(vec![sent.clone(), sent, failed]),
        ],
        hold: true,
        ..MessageSpec::default()
    }
}

async fn what_a_rule_did_not_tell_before_it_tells_with_the_detail(store: &str) {
    let stage = Stage::with_mail().await;
    let config = stage.config_with_rules(store, RULES);
    let process = Process::start(&config);
    let id = stage.sim.register(two_parts()).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let has_two_parts = |watch: &Value| watch["parts"].as_array().map(Vec::len) == Some(2);
    watch_that(&process, &id, has_two_parts).await;
    stage.sim.advance_message(&id).expect("it goes on");
    stage.mail().wait_for(1).await;
    process.json(&["watch", "--tag", "team=crm", &id]);
    stage.sim.advance_message(&id).expect("it goes on");

    let hook = stage.webhook.wait_for(1).await[0].json();
    stage.slack.wait_for(1).await;
    settled(&process, std::slice::from_ref(&id)).await;
    assert_eq!(
        stage.mail().mails().len(),
        1,
        "it was told of the status before"
    );
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(stage.slack.requests().len(), 1);

    let told = &hook["data"]["events"][0];
    assert_eq!(
        (&hook["data"]["rule"], &told["refined"]),
        (&"failed".into(), &true.into())
    );
    let events = process.json(&["show", &id])["events"].clone();
    let events = events.as_array().expect("events");
    let is_first = |tried: &&serde_json::Value| {
        let event = &tried["event"];
        event["current"]["status"] == "Undelivered" && event["refined"] == false
    };
    let first = events.iter().find(is_first).expect("the status itself");
    assert_eq!(told["refines"], first["event"]["event_id"]);
    let refined = events
        .iter()
        .find(|tried| tried["event"]["refined"] == true);
    let known = &refined.expect("the detail")["rules"][0];
    assert_eq!(
        (&known["rule"], &known["because"]),
        (
            &"known".into(),
            &"it matches, but it notified `oncall-mail` before the detail was known".into()
        )
    );
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_what_a_rule_did_not_tell_before_it_tells_with_the_detail() {
    let redis = RedisServer::start();
    what_a_rule_did_not_tell_before_it_tells_with_the_detail(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_a_rule_did_not_tell_before_it_tells_with_the_detail() {
    let directory = tempfile::tempdir().expect("a directory");
    what_a_rule_did_not_tell_before_it_tells_with_the_detail(&sqlite_in(directory.path())).await;
}
