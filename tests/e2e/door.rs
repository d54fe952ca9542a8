//! What comes to the process from outside: signals, callers without manners, and commands that find
//! something else than they look for.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use smswatch_testkit::PATIENCE;
use smswatch_testkit::receiver::{Answer, Receiver, RefusedPort};

use crate::ask::until;
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

/// Connections that nobody speaks on: as many as a process may usually have open, and as a test may.
const MANY: usize = 900;

fn smswatch() -> Command {
    Command::new(env!("CARGO_BIN_EXE_smswatch"))
}

fn started(stage: &Stage) -> Process {
    Process::start(&stage.config(&sqlite_in(stage.directory.path())))
}

/// The status and the body that are answered to `GET path`.
fn get(process: &Process, path: &str) -> (String, String) {
    let address = process.url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let patience = Some(PATIENCE);
    stream.set_read_timeout(patience).expect("it can be set");
    let call = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(call.as_bytes()).expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (
        head.lines().next().unwrap_or_default().to_owned(),
        body.to_owned(),
    )
}

fn json_of(process: &Process, path: &str) -> Value {
    serde_json::from_str(&get(process, path).1).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_without_a_meaning_do_no_harm_and_sigquit_ends_in_order() {
    let stage = Stage::new().await;
    let mut process = started(&stage);
    for (signal, words) in [
        (
            "-HUP",
            "the configuration was loaded again (changed: nothing)",
        ),
        ("-USR1", "SIGUSR1 has no meaning here"),
        ("-USR2", "SIGUSR2 has no meaning here"),
    ] {
        process.signal(signal);
        process.wait_for_words(words);
    }
    assert!(get(&process, "/healthz").0.contains("200"));
    assert_eq!(process.end_by("-QUIT"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_log_has_no_reader_goes_on() {
    let stage = Stage::new().await;
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let text = std::fs::read_to_string(&config).expect("a file");
    let port = RefusedPort::take().address().port();
    let text = text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    std::fs::write(&config, text).expect("a file");
    let mut child = smswatch()
        .args(["run", "--config"])
        .arg(&config)
        .env("RUST_LOG", "trace")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stderr.take());
    let url = format!("http://127.0.0.1:{port}");
    let mut is_up = false;
    let begun = Instant::now();
    while !is_up && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        let status = smswatch().args(["status", "--url", &url]).output();
        is_up = status.expect("the command runs").status.success();
    }
    let ended = child.try_wait().expect("it is our child");
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
    assert!(is_up && ended.is_none(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_keep_nobody_out() {
    let stage = Stage::new().await;
    let process = started(&stage);
    let address = process.url.strip_prefix("http://").expect("a URL");
    let mut silent = Vec::new();
    for n in 0..MANY {
        let mut stream = TcpStream::connect(address).expect("it listens");
        // It may be closed again already.
        let _written = match n % 3 {
            0 => Ok(()),
            1 => stream.write_all(b"GET /v1/watches HTTP/1.1\r\nhost: "),
            _ => stream.write_all(
                b"POST /v1/watches HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\
                  content-type: application/json\r\n\r\n{",
            ),
        };
        silent.push(stream);
    }
    for path in ["/healthz", "/readyz", "/metrics", "/v1/watches"] {
        let (status, _) = get(&process, path);
        assert!(status.contains("200"), "{path}: {status}");
    }
    drop(silent);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_finds_another_program_says_so() {
    let other = Receiver::start().await;
    other.answer_always(Answer::status(200).body("ok"));
    let url = other.url("");
    for arguments in [
        vec!["status"],
        vec!["events"],
        vec!["events", "--follow"],
        vec!["show", "m-1"],
        vec!["watch", "m-1"],
        vec!["unwatch", "m-1"],
        vec!["dead", "list"],
        vec!["dead", "show", "dlv_1"],
        vec!["dead", "retry", "dlv_1"],
        vec!["dead", "retry", "--all"],
        vec!["dead", "drop", "--all"],
        vec!["replay", "--sink", "crm", "--since", "2h"],
        vec!["sink", "test", "crm"],
        vec!["sink", "pause", "crm"],
        vec!["sink", "resume", "crm"],
    ] {
        let output = smswatch().args(&arguments).args(["--url", &url]).output();
        let output = output.expect("the command runs");
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = format!("error: {url} answers, but it is not smswatch");
        assert!(said.contains(&expected), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_command_that_finds_nobody_says_where_it_looked() {
    let port = RefusedPort::take();
    let refused = port.address();
    let url = format!("http://bob:hunter2@{refused}");
    let output = smswatch().args(["status", "--url", &url]).output();
    let output = output.expect("the command runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!(
        "error: could not reach smswatch at http://{refused}: {refused} refuses connections; is it running?"
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(output.status.code(), Some(1));
    let output = smswatch()
        .args(["status", "--url", "127.0.0.1:8080"])
        .output();
    assert_eq!(output.expect("the command runs").status.code(), Some(2));
    drop(port);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_out_of_editors_are_read_and_tables_are_refused_with_their_lines() {
    let stage = Stage::new().await;
    let process = started(&stage);
    let file = stage.directory.path().join("ids.txt");
    let path = file.to_str().expect("a path");
    std::fs::write(&file, "\u{feff}m-1\r\nm-2\r\n\r\n").expect("a file");
    let watched = process.json(&["watch", "--file", path]);
    assert_eq!(watched["accepted"], 2);
    for line in ["m-3,crm", "\"m-5\"", "m-6;crm", "m-7\tcrm", "m 8"] {
        std::fs::write(&file, format!("m-0\n{line}\n")).expect("a file");
        let output = process.ask(&["watch", "--file", path]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("ids.txt:2: "), "{line}: {said}");
        assert_eq!(output.status.code(), Some(2), "{line}");
    }
    let watches = json_of(&process, "/v1/watches");
    let items = watches["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2, "{watches}");
}

/// Runs a command whose output nobody reads.
fn unread(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = smswatch()
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_has_seen_enough_ends_silently() {
    let stage = Stage::new().await;
    let process = started(&stage);
    process.json(&["watch", "m-1"]);
    let url = ["--url", process.url.as_str()];
    let done = (Some(0), String::new());
    assert_eq!(unread(&["schema"]), done);
    let config = stage.directory.path().join("smswatch.yaml");
    let config = config.to_str().expect("a path");
    assert_eq!(unread(&["check", "--config", config]).0, Some(0));
    for arguments in [
        vec!["events", "--json"],
        vec!["events"],
        vec!["status"],
        vec!["status", "--json"],
        vec!["show", "m-1"],
        vec!["dead", "list"],
        vec!["watch", "m-2"],
        vec!["unwatch", "m-2"],
        vec!["demo", "--listen", "127.0.0.1:0"],
    ] {
        let url: &[&str] = if arguments[0] == "demo" { &[] } else { &url };
        assert_eq!(unread(&[&arguments, url].concat()), done, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_certificates_speaks_plain_http() {
    const NONE: [(&str, &str); 2] = [
        ("SSL_CERT_FILE", "/nonexistent"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ];
    let stage = Stage::new().await;
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let process = Process::start_in(&config, &NONE);
    let status = smswatch()
        .args(["status", "--url", &process.url])
        .envs(NONE)
        .output()
        .expect("the command runs");
    assert!(status.status.success(), "{status:?}");

    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace(&stage.sim.url(), "https://connect.routee.example");
    std::fs::write(&config, text).expect("a file");
    for command in ["check", "run"] {
        let output = smswatch()
            .args([command, "--config"])
            .arg(&config)
            .envs(NONE)
            .output()
            .expect("the command runs");
        let said = String::from_utf8_lossy(&output.stderr);
        for words in [
            "ca-certificates",
            "SSL_CERT_FILE",
            "connect.routee.example:443",
        ] {
            assert!(said.contains(words), "{command}: {said}");
        }
        assert_eq!(output.status.code(), Some(1), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_leaves_through_the_proxy_of_the_environment() {
    let stage = Stage::new().await;
    let proxy = Receiver::start().await;
    // A token for whoever wants one, and success for all others.
    let token = r#"{"access_token":"t","expires_in":3600}"#;
    proxy.answer_always(Answer::status(200).body(token));
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let mut text = std::fs::read_to_string(&config).expect("a file");
    for (own, foreign) in [
        (stage.sim.url(), "http://routee.example"),
        (stage.webhook.url("/hook"), "http://crm.example/hook"),
        (
            stage.slack.url("/services"),
            "http://slack.example/services",
        ),
    ] {
        text = text.replace(&own, foreign);
    }
    text += "heartbeat: {url: \"http://hc.example/ping\", every: 1s}\n";
    std::fs::write(&config, text).expect("a file");
    let environment = [
        ("HTTP_PROXY", proxy.url("")),
        ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
    ];
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let process = Process::start_in(&config, &environment);
    for sink in ["crm", "ops-slack"] {
        process.ask(&["sink", "test", sink]);
    }
    arrived(&proxy, &["hc.example", "crm.example", "slack.example"]).await;
    // Only now: a heartbeat is of a process whose provider is well.
    process.json(&["watch", "m-1"]);
    arrived(&proxy, &["routee.example"]).await;
}

/// Waits until each of these hosts was asked for.
async fn arrived(proxy: &Receiver, hosts: &[&str]) {
    until(&format!("each of {hosts:?} is asked for"), async || {
        let requests = proxy.requests();
        let asked = |host: &&str| {
            requests
                .iter()
                .any(|request| request.header("host") == Some(*host))
        };
        hosts.iter().all(asked)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_on_the_way_out_is_told_with_its_cause() {
    let stage = Stage::new().await;
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let port = RefusedPort::take();
    let refused = port.address();
    let mut text = std::fs::read_to_string(&config).expect("a file");
    text = text.replace(&stage.sim.url(), &format!("http://{refused}"));
    text += &format!("heartbeat: {{url: \"http://{refused}/hunter2\", every: 1s}}\n");
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    let expected = [
        ("heartbeat", "it is not heard"),
        ("provider", "Routee could not be reached"),
    ];
    for (part, words) in expected {
        let trouble = wait_for_trouble(&process, part).await;
        assert_eq!(trouble, format!("{words}: {refused} refuses connections"));
        // Only now is there something to ask Routee for: the heartbeat is one of a healthy process.
        process.json(&["watch", "m-1"]);
    }
    assert!(!process.said().contains("hunter2"));
    drop(port);
}

async fn wait_for_trouble(process: &Process, part: &str) -> String {
    let mut trouble = None;
    until(&format!("{part} is in trouble"), async || {
        let ready: Value = json_of(process, "/readyz");
        trouble = ready["parts"][part]["trouble"].as_str().map(str::to_owned);
        trouble.is_some()
    })
    .await;
    trouble.expect("it is in trouble")
}
