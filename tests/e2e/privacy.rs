//! Nothing personal and no secret leaves the process, whatever it writes, stores, answers or sends.

use std::path::Path;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use smswatch_testkit::redis_server::RedisServer;

use crate::process::Process;
use crate::stage::{SECRET, Stage, settled, sqlite_in};

const NUMBER: &str = "306912345678";
const TEXT: &str = "Your parcel waits at the corner";
const ROUTEE_SECRET: &str = "a-secret-of-routee";
/// `sim-app:a-secret-of-routee` as the provider is sent it.
const LOGIN: &str = "c2ltLWFwcDphLXNlY3JldC1vZi1yb3V0ZWU=";
const API_TOKEN: &str = "a-token-of-the-api";
const SLACK_PATH: &str = "T0SLACK/B0SLACK/a-secret-of-slack";

/// Everything that must not be found anywhere, with what it is.
fn hidden(bearer: &str) -> Vec<(&'static str, Vec<u8>)> {
    let key = SECRET.trim_start_matches("whsec_");
    vec![
        ("the number", NUMBER.into()),
        ("a piece of the number", "234\u{2011}5678".into()),
        ("the text", TEXT.into()),
        ("the provider's secret", ROUTEE_SECRET.into()),
        ("the API's token", API_TOKEN.into()),
        ("the webhook's key", key.into()),
        ("Slack's address", "a-secret-of-slack".into()),
        ("the login at the provider", LOGIN.into()),
        ("the token of the provider", bearer.into()),
    ]
}

fn hides(hidden: &[(&str, Vec<u8>)], place: &str, bytes: &[u8]) {
    for (what, secret) in hidden {
        let found = bytes
            .windows(secret.len())
            .position(|window| window == secret.as_slice());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(200)..bytes.len().min(at + 200)];
            panic!("{what} is in {place}: {}", String::from_utf8_lossy(around));
        }
    }
}

/// Looks into every file below `directory`, the configuration excepted.
fn files_hide(hidden: &[(&str, Vec<u8>)], directory: &Path) -> usize {
    let mut n_read = 0;
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let (path, kind) = (entry.path(), entry.file_type().expect("its type"));
        if kind.is_dir() {
            n_read += files_hide(hidden, &path);
        } else if kind.is_file() && path.extension().is_none_or(|extension| extension != "yaml") {
            let bytes = std::fs::read(&path).expect("a file");
            n_read += usize::from(!bytes.is_empty());
            hides(hidden, &path.display().to_string(), &bytes);
        }
    }
    n_read
}

/// The token that the simulator gave the process.
async fn bearer(sim: &Sim) -> String {
    let same = serde_json::json!({"auth": {"same_token": true}});
    sim.merge_switches(&same).expect("the switch exists");
    let asked = reqwest::Client::new()
        .post(format!("{}/oauth/token", sim.url()))
        .header("authorization", format!("Basic {LOGIN}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let answer = asked.send().await.expect("an answer");
    let body = answer.bytes().await.expect("a body");
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

async fn nothing_personal_and_no_secret_leaves_the_process(store: &str, files: &Path) {
    let mut stage = Stage::with_mail().await;
    let config = SimConfig {
        application_secret: ROUTEE_SECRET.to_owned(),
        ..SimConfig::default()
    };
    stage.sim = Sim::start(config).expect("a simulator");
    let path = stage.config(store);
    let text = std::fs::read_to_string(&path).expect("it was written");
    let text = text
        .replace("sim-secret", ROUTEE_SECRET)
        .replace("T/B/X", SLACK_PATH)
        .replace(
            "listen: \"127.0.0.1:0\"",
            &format!("listen: \"127.0.0.1:0\", token: {API_TOKEN}"),
        );
    std::fs::write(&path, text).expect("a file");
    let process = Process::start_logging(&path, "trace").with_token(API_TOKEN);
    let spec = MessageSpec {
        fate: Some(Fate::CarrierViolation),
        time_scale: 0.1,
        to: Some(format!("+{NUMBER}")),
        body: TEXT.to_owned(),
        label: Some(format!(
            "otp {NUMBER} or +30\u{a0}691\u{2011}234\u{2011}5678"
        )),
        campaign_name: Some(format!("autumn to +{NUMBER}")),
        groups: vec![format!("VIP {NUMBER}")],
        operator: Some(format!("ported from {NUMBER}")),
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    let phone = format!("phone=+{NUMBER}");
    let watched = process.json(&["watch", &id, "--tag", &phone]);
    assert_eq!(watched["accepted"], 1);
    let hooks = stage.webhook.wait_for(1).await;
    let posts = stage.slack.wait_for(1).await;
    let mails = stage.mail().wait_for(1).await;
    settled(&process, std::slice::from_ref(&id)).await;
    let hidden = hidden(&bearer(&stage.sim).await);
    stage.sim.revoke_tokens();
    let late = stage.message(Fate::CarrierViolation);
    process.json(&["watch", &late]);
    stage.webhook.wait_for(2).await;

    hides(&hidden, "a webhook", &hooks[0].body);
    hides(&hidden, "a Slack post", &posts[0].body);
    for text in [&mails[0].raw, &mails[0].text, &mails[0].html] {
        hides(&hidden, "a mail", text.as_bytes());
    }
    let client = reqwest::Client::new();
    let timeline = format!("/v1/watches/{id}/timeline");
    let watch = format!("/v1/watches/{id}");
    let paths = [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/status",
        "/v1/watches",
        "/v1/events",
        "/v1/deliveries",
        &watch,
        &timeline,
    ];
    let story = format!("/messages/{id}");
    let pages = ["/", "/messages", "/deliveries", "/sinks", "/rules", &story];
    let asked = paths.map(|path| ("application/json", path));
    for (accept, path) in asked
        .into_iter()
        .chain(pages.map(|path| ("text/html", path)))
    {
        let asked = client
            .get(format!("{}{path}", process.url))
            .header("accept", accept)
            .bearer_auth(API_TOKEN);
        let answer = asked.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let body = answer.bytes().await.expect("a body");
        assert!(!body.is_empty(), "{path}");
        hides(&hidden, path, &body);
    }
    assert!(files_hide(&hidden, files) > 0, "the store wrote nothing");
    let said = process.said();
    assert!(said.contains("TRACE"), "the log is not detailed");
    hides(&hidden, "the log", said.as_bytes());
    assert_eq!(process.terminate(), Some(0));
    files_hide(&hidden, files);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_nothing_personal_and_no_secret_leaves_the_process() {
    let redis = RedisServer::start();
    nothing_personal_and_no_secret_leaves_the_process(&redis.url(), redis.directory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_nothing_personal_and_no_secret_leaves_the_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite_in(directory.path());
    nothing_personal_and_no_secret_leaves_the_process(&store, directory.path()).await;
}
