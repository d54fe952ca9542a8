//! The API as programs use it: its description, events as they come, and files of any length.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::PATIENCE;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask;
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

fn smswatch() -> Command {
    Command::new(env!("CARGO_BIN_EXE_smswatch"))
}

/// A `smswatch events --follow` that runs, and what it prints.
struct Follower {
    child: Child,
    lines: Receiver<Value>,
}

impl Follower {
    fn start(url: &str) -> Self {
        let mut child = smswatch()
            .args(["events", "--follow", "--json", "--url", url])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("each line is an event");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for the event that says how message `id` ends.
    fn wait_for_end_of(&self, id: &str) {
        loop {
            let event = self.lines.recv_timeout(PATIENCE);
            let event = event.unwrap_or_else(|_| panic!("the end of {id} is not told"));
            if event["message"]["message_id"] == id && event["current"]["final"] == true {
                return;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.child.kill().expect("it runs still");
        self.child.wait().expect("it ends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_every_replica_are_followed_at_one_over_a_restart() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = stage.config(&redis.url());
    let text = std::fs::read_to_string(&config).expect("a file");
    let address = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("an address").to_string()
    };
    let fixed = stage.directory.path().join("fixed.yaml");
    std::fs::write(&fixed, text.replace("127.0.0.1:0", &address)).expect("a file");

    let one = Process::start(&fixed);
    let other = Process::start(&config);
    let follower = Follower::start(&one.url);
    // It follows from the moment at which it is connected.
    ask::until("it is connected", async || {
        let message = stage.message(Fate::Delivered);
        other.json(&["watch", &message]);
        ask::watch_that(&other, &message, |watch| watch["state"] == "final").await;
        follower.lines.try_recv().is_ok()
    })
    .await;
    let first = stage.message(Fate::Delivered);
    other.json(&["watch", &first]);
    follower.wait_for_end_of(&first);

    assert_eq!(
        one.terminate(),
        Some(0),
        "a stream that is open ends with the process"
    );
    let meanwhile = stage.message(Fate::Delivered);
    other.json(&["watch", &meanwhile]);
    ask::watch_that(&other, &meanwhile, |watch| watch["state"] == "final").await;
    assert_eq!(other.terminate(), Some(0));
    let one = Process::start(&fixed);
    follower.wait_for_end_of(&meanwhile);
    let last = stage.message(Fate::Delivered);
    one.json(&["watch", &last]);
    follower.wait_for_end_of(&last);
    drop(follower);
    assert_eq!(one.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_told_after_a_restart_as_before() {
    let stage = Stage::new().await;
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let process = Process::start(&config);
    let ids = [Fate::Delivered, Fate::Delivered, Fate::CarrierViolation];
    let ids = ids.map(|fate| stage.message(fate));
    for id in &ids {
        process.json(&["watch", id]);
    }
    let figures = async |process: &Process| ask::json(process, "/v1/stats?window=1h").await.1;
    ask::until("all three are counted", async || {
        let outcomes = &figures(&process).await["by_outcome"];
        outcomes["delivered"] == 2 && outcomes["failed"] == 1
    })
    .await;
    let mut before = figures(&process).await;
    assert_eq!(before["messages"], 3, "{before}");
    assert_eq!(before["by_status"]["Delivered"], 2, "{before}");
    assert!(before["undelivered_cost"].as_f64() > Some(0.0), "{before}");
    let countries = before["by_country"].as_object().expect("countries");
    assert!(countries.contains_key("GR"), "{before}");
    process.kill();
    let process = Process::start(&config);
    let mut after = figures(&process).await;
    for figures in [&mut before, &mut after] {
        let figures = figures.as_object_mut().expect("figures");
        figures.retain(|name, _| name != "to" && name != "from");
    }
    assert_eq!(before, after);
    assert_eq!(process.terminate(), Some(0));
}

/// Runs `watch --file -` on `text`.
fn watch(process: &Process, text: &str, more: &[&str]) -> Output {
    let mut child = smswatch()
        .args(["watch", "--file", "-", "--json", "--url", &process.url])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It stops to read at a line that is wrong.
    let _written = stdin.write_all(text.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_table_is_streamed_and_goes_on_from_a_line() {
    let stage = Stage::new().await;
    let process = Process::start(&stage.config(&sqlite_in(stage.directory.path())));
    let mut table = "team,trackingId\n".to_owned();
    for n in 2..=20_010 {
        let id = if n == 20_005 {
            "not an id".to_owned()
        } else {
            format!("m-{n}")
        };
        table.push_str(&format!("crm,{id}\n"));
    }
    let output = watch(&process, &table, &["--tag", "by=night"]);
    assert_eq!(output.status.code(), Some(2));
    let told: Value = serde_json::from_slice(&output.stdout).expect("what was done");
    assert_eq!(told["accepted"], 20_000, "{told}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("standard input:20005: "), "{said}");
    assert!(
        said.contains("go on there with --from-line 20002"),
        "{said}"
    );

    let mended = table.replace("not an id", "m-20005");
    let output = watch(&process, &mended, &["--from-line", "20002"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("what was done");
    assert_eq!(
        (&told["accepted"], &told["already_watched"]),
        (&9.into(), &0.into())
    );
    let watch = ask::watch(&process, "m-17").await;
    assert_eq!(
        watch["tags"],
        serde_json::json!({"team": "crm", "by": "night"})
    );
    assert_eq!(process.terminate(), Some(0));
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = directory.path().join("man/man1");
    let written = smswatch().arg("man").arg(&pages).output();
    assert!(written.expect("it runs").status.success());
    for page in ["smswatch.1", "smswatch-watch.1", "smswatch-sink-test.1"] {
        let text = std::fs::read_to_string(pages.join(page)).expect(page);
        assert!(text.contains(".TH"), "{page}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = smswatch()
            .args(["completions", shell])
            .output()
            .expect("it runs");
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(
            script.contains("backtest") && script.contains("from-line"),
            "{shell}"
        );
    }
}
