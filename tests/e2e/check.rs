//! What `check --online` and the start find out before the first message is watched.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use smswatch_testkit::PATIENCE;
use smswatch_testkit::receiver::RefusedPort;
#[cfg(feature = "otlp")]
use smswatch_testkit::receiver::{Answer, Receiver};

use crate::process::{Process, check_in};
use crate::stage::Stage;

/// A configuration with this secret of Routee's and with a webhook at `url`.
fn write(stage: &Stage, secret: &str, url: &str) -> PathBuf {
    let rest = format!(
        r#"
alarms: {{provider_auth_failed_after: 500ms}}
sinks:
  crm: {{type: webhook, url: "{url}", allow_private: true}}
  console: {{type: console}}
rules:
  - {{name: refused, event: provider_auth_failed, severity: critical, notify: [crm]}}
"#
    );
    let path = stage.write(&stage.sqlite(), &rest);
    let text = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(&path, text.replace("sim-secret", secret)).expect("a file");
    path
}

fn check_online(config: &Path) -> Output {
    check_in(config, &["--online"], &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_programs_what_it_has_found_as_json() {
    let stage = Stage::new().await;
    let check = |config: &Path, arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_smswatch"))
            .args(["check", "--json", "--config"])
            .arg(config)
            .args(arguments)
            .output();
        let output = output.expect("the command runs");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), told)
    };
    let config = write(&stage, "sim-secret", &stage.webhook.url("/hook"));
    let (status, told) = check(&config, &[]);
    assert_eq!(
        (status, &told["sinks"], &told["rules"]),
        (Some(0), &2.into(), &1.into())
    );
    assert!(told.get("parts").is_none(), "{told}");
    let (status, told) = check(&config, &["--online"]);
    let parts = told["parts"].as_array().expect("parts");
    let names: Vec<_> = parts
        .iter()
        .filter_map(|part| part["name"].as_str())
        .collect();
    assert_eq!(
        (status, names),
        (Some(0), vec!["store", "routee", "console", "crm"])
    );
    assert!(parts.iter().all(|part| part["ok"] == true), "{told}");
    let config = write(&stage, "wrong", &stage.webhook.url("/hook"));
    let (status, told) = check(&config, &["--online"]);
    assert_eq!((status, &told["parts"][1]["ok"]), (Some(1), &false.into()));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_tries_routee_and_every_sink_and_sends_nothing() {
    let stage = Stage::new().await;
    let config = write(&stage, "sim-secret", &stage.webhook.url("/hook"));
    let output = check_online(&config);
    let all = said(&output);
    assert_eq!(output.status.code(), Some(0), "{all} {output:?}");
    for part in ["routee", "crm", "console"] {
        let line = all.lines().find(|line| line.starts_with(part));
        assert!(
            line.is_some_and(|line| line.contains("ok")),
            "{part}: {all}"
        );
    }
    let posts = stage.webhook.requests().into_iter();
    assert_eq!(posts.filter(|request| request.method == "POST").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_online_fails_for_wrong_credentials_and_a_receiver_that_is_away() {
    let stage = Stage::new().await;
    let port = RefusedPort::take();
    let away = format!("http://{}/hook", port.address());
    let config = write(&stage, "wrong", &away);
    let output = check_online(&config);
    let all = said(&output);
    assert_eq!(output.status.code(), Some(1), "{all}");
    let line = |part: &str| {
        let mut lines = all.lines();
        lines
            .find(|line| line.starts_with(part))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        line("routee").contains("failed") && line("routee").contains("credentials"),
        "{all}"
    );
    assert!(line("crm").contains("failed"), "{all}");
    assert!(line("console").contains("ok"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_before_any_message_is_watched() {
    let stage = Stage::new().await;
    let config = write(&stage, "wrong", &stage.webhook.url("/hook"));
    let mut process = Process::start(&config);
    process.wait_for_words("refuses the credentials");
    let told = stage.webhook.wait_for(1).await;
    let told = String::from_utf8_lossy(&told[0].body).into_owned();
    assert!(told.contains("provider_auth_failed"), "{told}");
    let status = process.json(&["status"]);
    assert_eq!(status["ready"], true, "{status}");
    let trouble = status.to_string();
    assert!(trouble.contains("refuses the credentials"), "{trouble}");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn good_credentials_are_asked_for_once_at_the_start() {
    let stage = Stage::new().await;
    let config = write(&stage, "sim-secret", &stage.webhook.url("/hook"));
    let process = Process::start(&config);
    let deadline = Instant::now() + PATIENCE;
    while stage.sim.stats().tokens_issued == 0 {
        assert!(Instant::now() < deadline, "no token was asked for");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(process.terminate(), Some(0));
    assert_eq!(stage.sim.stats().tokens_issued, 1);
}

#[test]
fn the_configuration_is_looked_for_where_the_documents_say() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str| {
        let text = "routee: {application_id: a, application_secret: s}\n";
        std::fs::write(directory.path().join(name), text).expect("a file");
    };
    let checked = |arguments: &[&str], variable: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        command
            .arg("check")
            .args(arguments)
            .current_dir(directory.path());
        command.env_remove("SMSWATCH_CONFIG");
        command.envs(variable.map(|file| ("SMSWATCH_CONFIG", file)));
        let output = command.output().expect("the command runs");
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8_lossy(&all).into_owned();
        (
            output.status.code(),
            all.split(':').next().unwrap_or_default().to_owned(),
        )
    };
    let found = |file: &str| (Some(0), file.to_owned());
    assert_eq!(checked(&[], None), (Some(2), "error".to_owned()));
    std::fs::create_dir(directory.path().join("config")).expect("a folder");
    write("config/smswatch.yaml");
    assert_eq!(checked(&[], None), found("config/smswatch.yaml"));
    write("smswatch.yaml");
    assert_eq!(checked(&[], None), found("smswatch.yaml"));
    assert_eq!(checked(&[], Some("")), found("smswatch.yaml"));
    write("third.yaml");
    assert_eq!(checked(&[], Some("third.yaml")), found("third.yaml"));
    write("fourth.yaml");
    assert_eq!(
        checked(&["--config", "fourth.yaml"], Some("third.yaml")),
        found("fourth.yaml")
    );
}

#[test]
fn config_show_prints_what_takes_effect_without_secrets() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("smswatch.yaml");
    let text =
        "routee: {application_id: a, application_secret: hunter2}\nwatch:\n  # retention: 1d\n";
    std::fs::write(&file, text).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_smswatch"))
        .args(["config", "show", "--config"])
        .arg(&file)
        .output()
        .expect("the command runs");
    let yaml = said(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        yaml.contains("retention: 7d") && !yaml.contains("hunter2"),
        "{yaml}"
    );
}

#[test]
fn what_init_writes_can_be_checked_at_once_and_is_never_written_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_smswatch"))
            .args(arguments)
            .env("ROUTEE_APPLICATION_ID", "sim-app")
            .env("ROUTEE_APPLICATION_SECRET", "sim-secret")
            .env_remove("SMSWATCH_CONFIG")
            .current_dir(&directory)
            .output()
            .expect("the command runs")
    };
    let written = run(&["init"]);
    assert_eq!(written.status.code(), Some(0), "{written:?}");
    let checked = run(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let file = directory.path().join("smswatch.yaml");
    std::fs::write(&file, "mine").expect("a file");
    let again = run(&["init"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let said = String::from_utf8(again.stderr).expect("text");
    assert!(said.contains("smswatch.yaml exists already"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "mine");
}

#[cfg(feature = "otlp")]
#[tokio::test(flavor = "multi_thread")]
async fn check_online_tries_the_receiver_of_traces_and_leaves_nothing_there() {
    let stage = Stage::new().await;
    let collector = Receiver::start().await;
    let config = write(&stage, "sim-secret", &stage.webhook.url("/hook"));
    let text = std::fs::read_to_string(&config).expect("a file");
    let traces = format!("traces: {{endpoint: \"{}\"}}\n", collector.url(""));
    std::fs::write(&config, text + &traces).expect("a file");
    let output = check_online(&config);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said(&output).contains("takes traces"), "{output:?}");
    let requests = collector.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].body.is_empty(), "there is no step in it");
    collector.answer_always(Answer::status(401));
    let output = check_online(&config);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("answered 401"), "{output:?}");
}
