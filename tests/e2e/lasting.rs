//! Receivers that know an alert for as long as it lasts: Alertmanager, and threads of Slack.

use routee_sim::{Fate, MessageSpec};
use serde_json::Value;
use smswatch_testkit::alertmanager::Alertmanager;
use smswatch_testkit::receiver::{Answer, Receiver, Request};

use crate::ask::until;
use crate::process::Process;
use crate::rates::RULES;
use crate::stage::{Stage, watch};

/// Has an alert fire at the one sink that is configured by `sink`.
async fn firing(stage: &Stage, sink: &str) -> Process {
    // It is over when its window is empty, which takes seconds.
    let rules = RULES.replace("over: 20s", "over: 10s");
    let rules = rules.replace("at_least: 20", "at_least: 10");
    let rules = rules.replace("[crm]", "[lasting]");
    let path = stage.config_with_sinks(&stage.sqlite(), &format!("  lasting: {sink}"), &rules);
    let process = Process::start(&path);
    let message = || {
        stage.register(MessageSpec {
            to: Some("+306900000001".to_owned()),
            accepted_ms_ago: 60_000,
            ..Fate::CarrierViolation.into()
        })
    };
    let ids: Vec<String> = (0..12).map(|_| message()).collect();
    watch(&process, &ids);
    process
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_alertmanager_has_an_alert_on_a_rate_for_as_long_as_it_fires() {
    let alertmanager = Alertmanager::start();
    let stage = Stage::new().await;
    let url = alertmanager.url();
    let sink =
        format!("{{type: alertmanager, url: \"{url}\", labels: {{team: sms}}, fires_for: 2h}}");
    let process = firing(&stage, &sink).await;
    until("it fires", async || alertmanager.alerts().len() == 1).await;
    let alert = alertmanager.alerts().remove(0);
    assert_eq!(alert["labels"]["alertname"], "undelivered-rate");
    assert_eq!(alert["labels"]["country"], "GR");
    assert_eq!(alert["labels"]["team"], "sms");
    assert_eq!(alert["status"]["state"], "active");
    until("it is over", async || alertmanager.alerts().is_empty()).await;
    assert_eq!(process.terminate(), Some(0));
}

/// The method that a request calls, and what it says.
fn call(request: &Request) -> (String, Value) {
    let method = request.path.rsplit('/').next().unwrap_or_default();
    (method.to_owned(), request.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_alert_stands_in_its_thread_and_its_first_message_says_that_it_is_over() {
    let stage = Stage::new().await;
    let slack = Receiver::start().await;
    let posted = Answer::status(200)
        .header("content-type", "application/json")
        .body(r#"{"ok": true, "channel": "C0123", "ts": "1503435956.000247"}"#);
    slack.answer_always(posted);
    let url = slack.url("/api");
    let sink =
        format!("{{type: slack, bot_token: xoxb-1-2, channel: \"#sms\", api_url: \"{url}\"}}");
    let process = firing(&stage, &sink).await;
    let calls: Vec<(String, Value)> = slack.wait_for(3).await.iter().map(call).collect();
    let methods: Vec<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(
        methods,
        ["chat.postMessage", "chat.update", "chat.postMessage"]
    );
    let [first, changed, reply] = [0, 1, 2].map(|place| &calls[place].1);
    assert_eq!(first["channel"], "#sms");
    assert_eq!(first["thread_ts"], Value::Null);
    let ts = "1503435956.000247";
    assert_eq!(
        (&changed["channel"], &changed["ts"]),
        (&"C0123".into(), &ts.into())
    );
    assert_eq!(
        (&reply["channel"], &reply["thread_ts"]),
        (&"C0123".into(), &ts.into())
    );
    let text = |message: &Value| message["text"].as_str().expect("a text").to_owned();
    assert!(text(first).starts_with('🚨'), "{}", text(first));
    for message in [changed, reply] {
        assert!(text(message).starts_with('✅'), "{}", text(message));
    }
    assert_eq!(process.terminate(), Some(0));
}
