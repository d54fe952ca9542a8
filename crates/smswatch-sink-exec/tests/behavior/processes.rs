//! Nothing that an attempt starts outlives it.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use smswatch_plugin::sink::{ConfiguredSink as _, Retry, Sink as _, SinkContext};
use smswatch_sink_exec::ExecSink;
use smswatch_testkit::{PATIENCE, sample};

use crate::shell;

/// Starts a process of its own, notes the numbers of both, and then does `rest`.
fn family(rest: &str) -> String {
    format!("sleep 600 & echo $$ $! > \"$1.new\"; mv \"$1.new\" \"$1\"; {rest}")
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what}");
}

/// The processes that a script noted, once it has.
async fn processes(noted: &Path) -> Vec<String> {
    until("the script starts", || noted.exists()).await;
    let text = std::fs::read_to_string(noted).expect("a note");
    text.split_whitespace().map(str::to_owned).collect()
}

/// Whether a process still does something; what nobody has waited for does not.
fn runs(process: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat"));
    state.is_ok_and(|state| !state.contains(") Z "))
}

async fn end(processes: &[String]) {
    let none_runs = || !processes.iter().any(|process| runs(process));
    until(&format!("{processes:?} end"), none_runs).await;
}

#[tokio::test]
async fn a_dropped_attempt_leaves_no_process_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let note = folder.path().join("note");
    let sink = shell(&family("wait"), &[&note.to_string_lossy()]);
    let notification = sample::notification();
    let started = tokio::select! {
        outcome = sink.deliver(&notification) => panic!("it does not end: {outcome:?}"),
        started = processes(&note) => started,
    };
    assert_eq!(started.len(), 2);
    end(&started).await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let note = folder.path().join("note");
    let sink = shell(&family("echo taken"), &[&note.to_string_lossy()]);
    let receipt = sink.deliver(&sample::notification()).await;
    assert_eq!(receipt.expect("it succeeds").detail(), "taken");
    end(&processes(&note).await).await;
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_stopped_and_says_why() {
    for (way, rest) in [
        ("in order", "trap 'exit 1' TERM; echo given up >&2; wait"),
        (
            "by force",
            "trap '' TERM; echo given up >&2; wait; sleep 600",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let note = folder.path().join("note");
        let config = json!({"command": ["sh", "-c", family(rest), "a-script", note]});
        let config = serde_json::from_value(config).expect("the configuration reads well");
        let context = SinkContext::new("pager").with_timeout(Duration::from_secs(15));
        let sink = ExecSink::configure(config, &context).expect("it is valid");
        let error = sink.deliver(&sample::notification()).await;
        let error = error.expect_err("it takes too long");
        assert_eq!(error.retry(), Retry::Later, "{way}");
        assert_eq!(
            error.detail(),
            "`sh` was still running after 14 s and was stopped: given up",
            "{way}"
        );
        end(&processes(&note).await).await;
    }
}

#[tokio::test]
async fn a_program_that_is_killed_is_tried_again() {
    let error = shell("kill -9 $$", &[])
        .deliver(&sample::notification())
        .await;
    let error = error.expect_err("it is killed");
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(error.detail(), "`sh` was ended by a signal: 9 (SIGKILL)");
}

#[tokio::test]
async fn a_program_that_is_gone_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("page");
    std::os::unix::fs::symlink("/bin/true", &link).expect("a link");
    let config = serde_json::from_value(json!({"command": [link]})).expect("it reads well");
    let sink = ExecSink::configure(config, &SinkContext::new("pager")).expect("it is valid");
    assert!(sink.deliver(&sample::notification()).await.is_ok());
    std::fs::remove_file(&link).expect("it was there");
    let error = sink.deliver(&sample::notification()).await;
    let error = error.expect_err("it is gone");
    assert_eq!(error.retry(), Retry::Later);
    assert!(
        error.detail().starts_with("could not start `page`"),
        "{}",
        error.detail()
    );
    assert!(sink.probe().await.is_err());
}
