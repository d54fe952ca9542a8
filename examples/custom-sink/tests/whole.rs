//! The custom sink is known to every command like a built-in one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
    for (sink, place) in [
        ("{type: file, pth: x}", ":2:30"),
        ("{type: file, path: /}", ":2:36"),
    ] {
        let broken = check(directory.path(), sink);
        let said = String::from_utf8_lossy(&broken.stderr).into_owned();
        assert_eq!(broken.status.code(), Some(2), "{said}");
        assert!(said.contains(place), "{place} is not in {said}");
    }
}

#[test]
fn the_schema_describes_it() {
    let schema = program().arg("schema").output().expect("it runs");
    assert!(String::from_utf8_lossy(&schema.stdout).contains("The file to append to."));
}

#[test]
fn it_is_fired_by_a_sink_test() {
    let directory = tempfile::tempdir().expect("a directory");
    let alerts = directory.path().join("alerts.txt");
    let config = directory.path().join("smswatch.yaml");
    let text = format!(
        "routee: {{application_id: a, application_secret: b, api_url: \"http://127.0.0.1:9\", \
         auth_url: \"http://127.0.0.1:9\"}}\nstore: {{url: \"sqlite:{}\"}}\n\
         http: {{listen: \"127.0.0.1:0\"}}\nsinks: {{alerts: {{type: file, path: \"{}\"}}}}\n",
        directory.path().join("store.db").display(),
        alerts.display(),
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
    let test = program()
        .args(["sink", "test", "alerts", "--url", &url])
        .output()
        .expect("it runs");
    let written = std::fs::read_to_string(&alerts);
    running.kill().expect("it runs until now");
    running.wait().expect("it ends");
    assert!(
        test.status.success(),
        "{}",
        String::from_utf8_lossy(&test.stderr)
    );
    assert!(written.expect("the alert is written").contains("[TEST]"));
}
