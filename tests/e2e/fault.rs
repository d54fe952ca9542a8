//! Who can act on a status, as the operator says: rules, payloads and alerts follow it, and a reload changes it.

use routee_sim::Fate;

use crate::process::Process;
use crate::reload::reload;
use crate::stage::{Stage, settled, sqlite_in};

const RULES: &str = r#"fault: {carrier violation: carrier}
rules:
  - {name: ours, match: {fault: sender}, notify: [ops-slack]}
  - name: theirs
    match: {fault: carrier}
    links: [{title: Runbook, url: "https://wiki.example.com/{{ events[0].current.detailed_status }}"}]
    notify: [crm]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_word_on_who_can_act_holds_in_rules_payloads_and_alerts() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().expect("a directory");
    let config = stage.config(&sqlite_in(directory.path()));
    let text = std::fs::read_to_string(&config).expect("just written");
    let (head, _) = text.split_once("rules:").expect("it has rules");
    std::fs::write(&config, format!("{head}{RULES}")).expect("a file");
    let process = Process::start(&config);
    let id = stage.message(Fate::CarrierViolation);
    process.json(&["watch", &id]);

    let hook = stage.webhook.wait_for(1).await[0].json();
    assert_eq!(hook["data"]["rule"], "theirs");
    assert_eq!(hook["data"]["events"][0]["fault"], "carrier");
    let link = serde_json::json!({
        "title": "Runbook", "url": "https://wiki.example.com/Carrier%20Violation",
    });
    assert_eq!(hook["data"]["links"], serde_json::json!([link]));
    let text = hook["data"]["text"].as_str().expect("text");
    assert!(text.contains("Ask the carrier."), "{text}");
    assert!(!text.contains("The sender can act"), "{text}");
    settled(&process, &[id]).await;
    assert!(stage.slack.requests().is_empty());

    let (_, rules) = RULES.split_once('\n').expect("several lines");
    std::fs::write(&config, format!("{head}{rules}")).expect("a file");
    assert_eq!(reload(&process).await.0, 200);
    let id = stage.message(Fate::CarrierViolation);
    process.json(&["watch", &id]);
    stage.slack.wait_for(1).await;
    settled(&process, &[id]).await;
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(process.terminate(), Some(0));
}
