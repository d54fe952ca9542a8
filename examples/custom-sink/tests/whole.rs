//! The custom sink is known to every command like a built-in one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use smswatch_testkit::receiver::{Answer, Receiver};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_custom-sink"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUST_LOG", "info");
    command
}

fn check(directory: &Path, sink: &str) -> Output {
    let config = directory.join("broken.yaml");
    let routee = "routee: {application_id: a, application_secret: b}";
    std::fs::write(&config, format!("{routee}\nsinks: {{alerts: {sink}}}\n")).expect("a file");
    program()
        .args(["check", "--config"])
        .arg(&config)
        .output()
        .expect("it runs")
}

#[test]
fn its_configuration_is_checked_with_line_and_column() {
    let sound = program()
        .args(["check", "--config", "smswatch.yaml"])
        .output()
        .expect("it runs");
    assert!(
        sound.status.success(),
        "{}",
        String::from_utf8_lossy(&sound.stderr)
    );
    let directory = tempfile::tempdir().expect("a directory");
    let url = "https://pager.example.com/";
    for (sink, place) in [
        (
            format!("{{type: pager, url: \"{url}\", token: x, taem: sms}}"),
            ":2:76",
        ),
        (
            "{type: pager, url: ftp://x, token: x, team: sms}".to_owned(),
            ":2:36",
        ),
        (
            "{type: pager, url: http://10.0.0.1/, token: x, team: sms}".to_owned(),
            ":2:36",
        ),
    ] {
        let broken = check(directory.path(), &sink);
        let said = String::from_utf8_lossy(&broken.stderr).into_owned();
        assert_eq!(broken.status.code(), Some(2), "{said}");
        assert!(said.contains(place), "{place} is not in {said}");
    }
}

#[test]
fn the_schema_describes_it() {
    let schema = program().arg("schema").output().expect("it runs");
    assert!(String::from_utf8_lossy(&schema.stdout).contains("The team that is paged."));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_fired_by_a_sink_test() {
    let pager = Receiver::start().await;
    pager.answer_always(Answer::status(409).body("known"));
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("smswatch.yaml");
    let text = format!(
        "routee: {{application_id: a, application_secret: b, api_url: \"http://127.0.0.1:9\", \
         auth_url: \"http://127.0.0.1:9\"}}\nstore: {{url: \"sqlite:{}\"}}\n\
         http: {{listen: \"127.0.0.1:0\"}}\nsinks: {{pager: {{type: pager, url: \"{}\", \
         token: tk_7f3Q9xLm2Vb8RzWn, team: sms, allow_private: true}}}}\n",
        directory.path().join("store.db").display(),
        pager.url("/v1/alerts"),
    );
    std::fs::write(&config, text).expect("a file");
    let mut running = program()
        .args(["run", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let stderr = BufReader::new(running.stderr.take().expect("it is piped"));
    let url = stderr.lines().map_while(Result::ok).find_map(|line| {
        let (_, url) = line.split_once("its API is at ")?;
        url.split_whitespace().next().map(str::to_owned)
    });
    let url = url.expect("it says where its API is");
    let test = || {
        let mut test = program();
        test.args(["sink", "test", "pager", "--url", &url]);
        test.output().expect("it runs")
    };
    let tested = tokio::task::block_in_place(test);
    running.kill().expect("it runs until now");
    running.wait().expect("it ends");
    let said = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert!(
        tested.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&tested.stderr)
    );
    assert!(said.contains("409 Conflict: known"), "{said}");
    let request = &pager.wait_for(1).await[0];
    assert_eq!(request.path, "/v1/alerts");
    assert_eq!(
        request.header("authorization"),
        Some("Bearer tk_7f3Q9xLm2Vb8RzWn")
    );
    let alert = request.json();
    assert!(
        alert["summary"]
            .as_str()
            .is_some_and(|summary| summary.contains("[TEST]"))
    );
    assert_eq!(alert["team"], "sms");
}
