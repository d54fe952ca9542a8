//! The program: its one line, its configuration file, its end.

use std::process::Stdio;

use reqwest::StatusCode;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::{ask_token, client};

#[tokio::test]
async fn it_tells_its_address_serves_and_ends_with_0_on_sigterm() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("sim.json");
    std::fs::write(&config, r#"{"application_secret":"from-file","seed":7}"#).expect("written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_routee-sim"))
        .arg("--config")
        .arg(&config)
        .args(["--application-id", "mine"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(program.stdout.take().expect("piped")).lines();
    let line = lines
        .next_line()
        .await
        .expect("readable")
        .expect("one line");
    let url = line
        .strip_prefix("routee-sim listening on ")
        .expect("the documented line");
    let answer = ask_token(&client(), url, "mine", "from-file").await;
    assert_eq!(answer.status(), StatusCode::OK);

    let id = program.id().expect("running").to_string();
    let killed = Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .await
        .expect("a signal");
    assert!(killed.success());
    let status = program.wait().await.expect("an end");
    assert_eq!(status.code(), Some(0));
}
