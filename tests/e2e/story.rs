//! Four messages meet their fates, and the right people hear of them, once.

use std::path::Path;
use std::time::Duration;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use serde_json::Value;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::smtp_server::SmtpServer;

use crate::process::Process;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Stage {
    sim: Sim,
    webhook: Receiver,
    slack: Receiver,
    mail: SmtpServer,
    directory: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            webhook: Receiver::start().await,
            slack: Receiver::start().await,
            mail: SmtpServer::start().await,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn message(&self, fate: Fate) -> String {
        let to = Some("+306900000001".to_owned());
        let fate = Some(fate);
        let spec = MessageSpec {
            fate,
            time_scale: 0.2,
            to,
            ..MessageSpec::default()
        };
        self.sim.register(spec).expect("a message")
    }

    fn config(&self, store: &str) -> std::path::PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
routee:
  application_id: sim-app
  application_secret: sim-secret
  api_url: {sim}
  auth_url: {sim}
  requests_per_second: 1000
store: {{url: "{store}"}}
watch: {{schedule: [50ms], confirm_after: 200ms}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{webhook}", secret: {SECRET}, allow_private: true}}
  ops-slack: {{type: slack, webhook_url: "{slack}"}}
  oncall-mail: {{type: email, smtp: "{mail}", from: "alerts@example.com", to: [oncall@example.com]}}
rules:
  - name: carrier-violation
    match: {{detailed_status: Carrier Violation}}
    severity: critical
    notify: [crm, ops-slack, oncall-mail]
  - name: undelivered
    match: {{status: [Undelivered, Failed]}}
    notify: [crm]
"#,
            sim = self.sim.url(),
            webhook = self.webhook.url("/hook"),
            slack = self.slack.url("/services/T/B/X"),
            mail = self.mail.url(),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// Waits until every message is final and confirmed: nothing is looked at any more.
async fn settled(process: &Process, ids: &[String]) {
    for _ in 0..600 {
        let is_settled = |id: &String| {
            let timeline = process.json(&["show", id]);
            timeline["watch"]["state"] == "final" && timeline["watch"]["next_poll_at"].is_null()
        };
        if ids.iter().all(is_settled) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the messages did not settle");
}

async fn the_right_people_hear_of_the_right_messages_once(store: &str) {
    let stage = Stage::new().await;
    let config = stage.config(store);
    let process = Process::start(&config);
    let fates = [
        Fate::Delivered,
        Fate::CarrierViolation,
        Fate::UnknownNumber,
        Fate::Failed,
    ];
    let ids = fates.map(|fate| stage.message(fate));
    let watch: Vec<&str> = ["watch", "--tag", "team=crm"]
        .into_iter()
        .chain(ids.iter().map(String::as_str))
        .collect();
    assert_eq!(process.json(&watch)["accepted"], 4);
    assert_eq!(process.json(&watch)["already_watched"], 4);

    let hooks = stage.webhook.wait_for(3).await;
    let verifier = standardwebhooks::Webhook::new(SECRET).expect("a key");
    for hook in &hooks {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let value = hook.header(name).expect(name);
            headers.insert(name, value.parse().expect("a header"));
        }
        verifier
            .verify(&hook.body, &headers)
            .expect("the signature is right");
    }
    let told: Vec<Value> = hooks
        .iter()
        .map(smswatch_testkit::receiver::Request::json)
        .collect();
    let of = |id: &str| {
        let is_it = |body: &&Value| body["data"]["events"][0]["message"]["message_id"] == id;
        told.iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{id} was not told"))
    };
    let violation = of(&ids[1]);
    assert_eq!(violation["type"], "sms.status_changed");
    assert_eq!(violation["data"]["rule"], "carrier-violation");
    assert_eq!(violation["data"]["severity"], "critical");
    let event = &violation["data"]["events"][0];
    assert_eq!(event["current"]["status"], "Undelivered");
    assert_eq!(event["current"]["detailed_status"], "Carrier Violation");
    assert_eq!(event["message"]["to"], "+3069******01");
    assert_eq!(event["message"]["tags"]["team"], "crm");
    assert_eq!(event["fault"], "sender");
    assert_eq!(of(&ids[2])["data"]["rule"], "undelivered");
    assert_eq!(
        of(&ids[3])["data"]["events"][0]["current"]["status"],
        "Failed"
    );
    assert_eq!(stage.slack.wait_for(1).await.len(), 1);
    assert_eq!(stage.mail.wait_for(1).await.len(), 1);

    settled(&process, &ids).await;
    let polls = |id: &str| stage.sim.message(id).expect("it is known").polls;
    let polls_before = ids.each_ref().map(|id| polls(id));
    assert_eq!(process.terminate(), Some(0));

    // After a restart nothing is repeated and nothing forgotten.
    let process = Process::start(&config);
    let late = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &late])["accepted"], 1);
    let hooks = stage.webhook.wait_for(4).await;
    assert_eq!(
        hooks[3].json()["data"]["events"][0]["message"]["message_id"],
        late.as_str()
    );
    settled(&process, std::slice::from_ref(&late)).await;
    assert_eq!(stage.webhook.requests().len(), 4);
    assert_eq!(stage.slack.wait_for(2).await.len(), 2);
    assert_eq!(
        ids.each_ref().map(|id| polls(id)),
        polls_before,
        "final messages are left alone"
    );
    let tested = process.ask(&["sink", "test", "crm"]);
    assert!(tested.status.success());
    assert!(stage.webhook.wait_for(5).await[4].text().contains("[TEST]"));
    nothing_personal_is_stored(stage.directory.path());
    assert_eq!(process.terminate(), Some(0));
}

/// No full number, no text and no secret in whatever file the store wrote.
fn nothing_personal_is_stored(directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        for secret in ["306900000001", "Your parcel", "sim-secret", "whsec_"] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_the_right_people_hear_of_the_right_messages_once() {
    let redis = RedisServer::start();
    the_right_people_hear_of_the_right_messages_once(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_the_right_people_hear_of_the_right_messages_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = format!("sqlite:{}", directory.path().join("store.db").display());
    the_right_people_hear_of_the_right_messages_once(&store).await;
    nothing_personal_is_stored(directory.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_before_it_was_seen_is_told_with_nothing_before() {
    let stage = Stage::new().await;
    let store = format!(
        "sqlite:{}",
        stage.directory.path().join("store.db").display()
    );
    let process = Process::start(&stage.config(&store));
    let spec = MessageSpec {
        fate: Some(Fate::CarrierViolation),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let told = stage.webhook.wait_for(1).await[0].json();
    assert_eq!(told["data"]["events"][0]["previous"], Value::Null);
    let spec = MessageSpec {
        fate: Some(Fate::MixedParts),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let told = stage.webhook.wait_for(2).await[1].json();
    assert_eq!(told["data"]["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["data"]["events"][0]["message"]["outcome"], "failed");
}
