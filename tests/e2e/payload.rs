//! What webhook, Slack and mail receive, down to the last key.

use routee_sim::{MessageSpec, PartSpec, Step};
use serde_json::Value;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::watch_that;
use crate::process::Process;
use crate::stage::{Stage, settled, sqlite_in};

/// A message of two parts that fail in the same moment, with everything that Routee may tell of one.
fn two_parts_that_fail_together() -> MessageSpec {
    let part = || PartSpec {
        steps: vec![
            Step::new(0, "Sent"),
            Step::new(0, "Undelivered").because("Carrier Violation", "The carrier said no."),
        ],
        ..PartSpec::default()
    };
    MessageSpec {
        parts: vec![part(), part()],
        hold: true,
        from: "MyShop".to_owned(),
        to: Some("+306900000001".to_owned()),
        label: Some("order-17".to_owned()),
        groups: vec!["vip".to_owned()],
        body: "Your parcel waits at the corner".to_owned(),
        ..MessageSpec::default()
    }
}

async fn two_parts_that_change_together_are_told_in_one_notification(store: &str) {
    let stage = Stage::with_mail().await;
    let process = Process::start(&stage.config(store));
    let id = stage
        .sim
        .register(two_parts_that_fail_together())
        .expect("a message");
    process.json(&["watch", "--tag", "team=crm", &id]);
    let has_two_parts = |watch: &Value| watch["parts"].as_array().map(Vec::len) == Some(2);
    watch_that(&process, &id, has_two_parts).await;
    stage.sim.advance_message(&id).expect("both parts fail");

    let hook = stage.webhook.wait_for(1).await[0].json();
    let post = stage.slack.wait_for(1).await[0].json();
    let mail = stage.mail().wait_for(1).await[0].clone();
    settled(&process, std::slice::from_ref(&id)).await;
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(stage.slack.requests().len(), 1);
    assert_eq!(stage.mail().mails().len(), 1);

    let first = &hook["data"]["events"][0];
    let second = &hook["data"]["events"][1];
    assert_eq!(
        [&first["part"]["number"], &second["part"]["number"]],
        [1, 2]
    );
    assert_ne!(first["event_id"], second["event_id"]);
    assert_ne!(first["part"]["sms_id"], second["part"]["sms_id"]);
    assert_eq!(first["message"], second["message"]);
    assert_eq!(first["message"]["message_id"], id.as_str());
    let mut shown = hook.clone();
    if let Some(events) = shown["data"]["events"].as_array_mut() {
        events.truncate(1);
    }
    let mut settings = insta::Settings::clone_current();
    // At a whole second there are none to be seen.
    settings.add_filter(
        r#""(timestamp|detected_at)": "[^"]+""#,
        r#""$1": "MILLISECONDS""#,
    );
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "MILLISECONDS");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "SECONDS");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID");
    settings.add_filter(r"(evt|ntf|dlv)_[0-9a-f]{32}", "${1}_ID");
    settings.add_filter(r#""(key|to_key)": "[^"]+""#, r#""$1": "HASH""#);
    // The second may end between the two statuses.
    settings.add_filter(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC(, \d+ s later)?",
        "SECONDS UTC",
    );
    settings.add_filter(r#""latency": \d+"#, r#""latency": SECONDS"#);
    let _guard = settings.bind_to_scope();
    insta::assert_snapshot!("webhook", pretty(&shown));
    insta::assert_snapshot!("slack", pretty(&post));
    assert_eq!(
        mail.header("subject"),
        Some("[critical] Carrier Violation: all 2 parts of 1 message from MyShop to GR")
    );
    insta::assert_snapshot!("mail", mail.text);
    for text in [
        hook.to_string(),
        post.to_string(),
        mail.raw,
        mail.text,
        mail.html,
    ] {
        assert!(!text.contains("306900000001"), "{text}");
        assert!(!text.contains("parcel"), "{text}");
    }
    assert_eq!(process.terminate(), Some(0));
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("it was JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_two_parts_that_change_together_are_told_in_one_notification() {
    let redis = RedisServer::start();
    two_parts_that_change_together_are_told_in_one_notification(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_two_parts_that_change_together_are_told_in_one_notification() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite_in(directory.path());
    two_parts_that_change_together_are_told_in_one_notification(&store).await;
}
