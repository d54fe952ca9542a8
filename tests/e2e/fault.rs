//! Who can act on a status, as the operator says: rules, payloads and alerts follow it, and a reload changes it.

use routee_sim::Fate;

use crate::process::Process;
use crate::reload::reload;
use crate::stage::{Stage, settled};

/// Whose words hold instead of those that smswatch knows.
const OPERATORS: &str = "fault: {carrier violation: carrier}\n";

const RULES: &str = r#"
  - {name: ours, match: {fault: sender}, notify: [ops-slack]}
  - name: theirs
    match: {fault: carrier}
    links: [{title: Runbook, url: "https://wiki.example.com/{{ events[0].current.detailed_status }}"}]
    notify: [crm]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_word_on_who_can_act_holds_in_rules_payloads_and_alerts() {
    let stage = Stage::new().await;
    let config = stage.config_with_rules(&stage.sqlite(), RULES);
    let without = std::fs::read_to_string(&config).expect("just written");
    std::fs::write(&config, format!("{OPERATORS}{without}")).expect("a file");
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

    std::fs::write(&config, without).expect("a file");
    assert_eq!(reload(&process).await.0, 200);
    let id = stage.message(Fate::CarrierViolation);
    process.json(&["watch", &id]);
    stage.slack.wait_for(1).await;
    settled(&process, &[id]).await;
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(process.terminate(), Some(0));
}
