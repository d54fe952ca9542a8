//! Whoever stops reading what the program writes stops nothing but that.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use routee_sim::Fate;
use smswatch_testkit::PATIENCE;

use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

/// As much as a pipe holds on Linux.
const PIPE: usize = 64 * 1024;

/// A pipe that takes nothing more, and its other end, which nobody reads.
fn full_pipe() -> (std::io::PipeWriter, std::io::PipeReader) {
    let (unread, mut full) = std::io::pipe().expect("a pipe");
    full.write_all(&[b'x'; PIPE]).expect("it holds as much");
    (full, unread)
}

/// An address of loopback on which nobody listens.
fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// The configuration of the stage, with its API at an address that is known beforehand.
fn config_at_known_address(stage: &Stage) -> (std::path::PathBuf, String) {
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let address = free_address();
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text
        .replace("127.0.0.1:0", &address)
        .replace("sinks:", "sinks:\n  console: {type: console}")
        .replace("notify: [crm]", "notify: [crm, console]");
    std::fs::write(&config, text).expect("a file");
    (config, format!("http://{address}"))
}

async fn it_tells_of_what_it_watches(stage: &Stage, process: &mut Process) {
    let ids: Vec<String> = (0..3).map(|_| stage.message(Fate::Undelivered)).collect();
    process.wait_for_api();
    for id in &ids {
        let watched = process.ask(&["watch", id]);
        assert!(watched.status.success(), "{watched:?}");
    }
    stage.webhook.wait_for(ids.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_error_that_nobody_reads_stops_neither_the_watching_nor_the_end() {
    let stage = Stage::new().await;
    let (config, url) = config_at_known_address(&stage);
    let (full, _unread) = full_pipe();
    let mut process = Process::start_into(&config, &url, full.into(), Stdio::null());
    it_tells_of_what_it_watches(&stage, &mut process).await;
    // What has no meaning is noted in the log, and the end is, too.
    process.signal("-USR1");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_output_that_nobody_reads_stops_neither_the_watching_nor_the_end() {
    let stage = Stage::new().await;
    let (config, url) = config_at_known_address(&stage);
    let (full, _unread) = full_pipe();
    let mut process = Process::start_into(&config, &url, Stdio::null(), full.into());
    it_tells_of_what_it_watches(&stage, &mut process).await;
    assert_eq!(process.terminate(), Some(0));
}

#[test]
fn an_error_at_the_start_ends_the_process_although_nobody_reads_it() {
    let (full, _unread) = full_pipe();
    let mut child = Command::new(env!("CARGO_BIN_EXE_smswatch"))
        .args(["run", "--config", "/no/such/file.yaml"])
        .stderr(full)
        .spawn()
        .expect("the binary starts");
    let deadline = std::time::Instant::now() + PATIENCE;
    while child.try_wait().expect("it is our child").is_none() {
        let is_late = std::time::Instant::now() >= deadline;
        if is_late {
            child.kill().expect("it is our child");
        }
        assert!(!is_late, "it did not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = child.wait().expect("it is our child");
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_demo_that_nobody_reads_ends_when_it_is_told_to() {
    let (full, _unread) = full_pipe();
    let (other, _unread_either) = full_pipe();
    let url = format!("http://{}", free_address());
    let mut process = Process::start_demo_into(&url, full.into(), other.into());
    process.wait_for_api();
    assert_eq!(process.terminate(), Some(0));
}
