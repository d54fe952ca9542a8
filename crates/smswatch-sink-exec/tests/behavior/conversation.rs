//! What a program is told, and what is heard of it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use smswatch_plugin::model::Notification;
use smswatch_plugin::sink::{Retry, Sink as _};
use smswatch_testkit::sample;

use crate::{configured, shell};

/// What a program that succeeds says.
async fn said(sink: &impl smswatch_plugin::sink::Sink, notification: &Notification) -> String {
    let receipt = sink.deliver(notification).await;
    receipt.expect("it succeeds").detail().to_owned()
}

/// The variables of a program's environment, with their values.
async fn environment(folder: &Path) -> BTreeSet<String> {
    let file = folder.join("environment");
    let sink = configured(json!({
        "command": ["cp", "/proc/self/environ", file],
        "env": {"PAGER_TOKEN": "a-token", "LANG": "C.UTF-8"},
    }));
    said(&sink.expect("it is valid"), &sample::notification()).await;
    let text = std::fs::read_to_string(file).expect("a copy");
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_program_has_few_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let (inherited, others): (Vec<String>, _) = environment(folder.path())
        .await
        .into_iter()
        .partition(|variable| variable.starts_with("PATH=") || variable.starts_with("HOME="));
    assert_eq!(inherited.len(), 2, "{inherited:?}");
    insta::assert_snapshot!(others.join("\n"), @r"
    LANG=C.UTF-8
    PAGER_TOKEN=a-token
    SMSWATCH_DELIVERY_ID=dlv_00000000000000000000000000000001
    SMSWATCH_KEY=carrier-violation
    SMSWATCH_RULE=carrier-violation
    SMSWATCH_SEVERITY=critical
    SMSWATCH_SINK=pager
    SMSWATCH_TITLE=Carrier Violation: 1 message from MyShop to GR
    SMSWATCH_TYPE=sms.status_changed
    ");
}

#[tokio::test]
async fn what_a_rule_asks_for_comes_behind_the_arguments_of_the_sink() {
    let sink = shell("printf '<%s>' \"$@\"", &["--blanks and $(signs)"]);
    let mut notification = sample::notification();
    notification.overrides = json!({"args": ["--team", "crm"]})
        .as_object()
        .cloned()
        .expect("an object");
    let said = said(&sink, &notification).await;
    assert_eq!(said, "<--blanks and $(signs)><--team><crm>");
}

#[tokio::test]
async fn a_program_may_read_words_for_people() {
    let sink = configured(json!({"command": ["cat"], "stdin": "text"})).expect("it is valid");
    let notification = sample::odd();
    assert_eq!(said(&sink, &notification).await, notification.title);
}

#[tokio::test]
async fn a_program_that_does_not_read_its_input_does_no_harm() {
    let large = sample::notification_of(1_000);
    for script in [
        "echo taken",
        "exec <&-; echo taken",
        "read -r line; echo taken",
    ] {
        assert_eq!(said(&shell(script, &[]), &large).await, "taken", "{script}");
    }
}

#[tokio::test]
async fn a_program_may_write_much_before_it_reads() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; head -c 3000000 /dev/zero >&2; cat >/dev/null";
    let said = said(&shell(script, &[]), &sample::notification_of(1_000)).await;
    assert!(said.starts_with("xxx") && said.ends_with('…'), "{said}");
}

#[tokio::test]
async fn a_failure_says_the_last_line_of_standard_error() {
    let script = "echo begun; echo 'Traceback:' >&2; echo 'ValueError: no team' >&2; exit 1";
    let error = shell(script, &[]).deliver(&sample::notification()).await;
    let error = error.expect_err("it fails");
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(
        error.detail(),
        "`sh` ended with exit status 1: ValueError: no team"
    );
}
