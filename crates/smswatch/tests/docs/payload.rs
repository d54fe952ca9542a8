//! The payload in the guide has the fields that webhooks have, each of them is explained, and the check of the
//! signature works.

use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use standardwebhooks::Webhook;

use crate::{blocks, printed, read, section};

/// The paths of all fields, without the places in lists and without what users name.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !path.ends_with("tags") => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                paths(field, &path, found);
                found.push(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {}
    }
}

fn sorted_paths(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    paths(value, "", &mut found);
    found.sort();
    found
}

#[test]
fn the_body_in_the_guide_has_the_fields_of_a_real_one_and_explains_each() {
    let page = read("docs/sinks.md");
    let text = section(&page, "### The body");
    let shown = blocks(text, "json").remove(0);
    let shown: Value = serde_json::from_str(&shown).expect("the example is JSON");
    let snapshot = read(
        "crates/smswatch-sink-webhook/src/snapshots/smswatch_sink_webhook__render__tests__the_standard_format_is_what_the_documentation_shows.snap",
    );
    let real = snapshot.splitn(3, "---\n").nth(2).expect("a snapshot");
    let real: Value = serde_json::from_str(real).expect("the snapshot is JSON");
    assert_eq!(sorted_paths(&shown), sorted_paths(&real));

    let code = |line: &str| {
        line.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let explained: Vec<String> = rows.flat_map(code).collect();
    for path in sorted_paths(&real) {
        let name = path.rsplit('.').next().expect("a name");
        let is_explained = explained
            .iter()
            .any(|word| word.rsplit('.').next() == Some(name));
        // These hold the fields of the tables.
        let is_frame = ["data", "part", "message"].contains(&name);
        assert!(is_explained || is_frame, "`{path}` is not explained");
    }
}

#[test]
fn the_check_of_the_signature_in_the_guide_takes_a_signed_body_and_no_other() {
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"type":"sms.status_changed"}"#;
    let page = read("docs/sinks.md");
    let check = blocks(section(&page, "### Check the signature"), "python").remove(0);
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("it is later");
    let sent_at = i64::try_from(now.as_secs()).expect("a time of this age");
    let signature = Webhook::new(KEY)
        .and_then(|webhook| webhook.sign("dlv_1", sent_at, BODY.as_bytes()))
        .expect("it is signed");
    for (body, sent_at, is_taken) in [
        (BODY, sent_at, true),
        ("{}", sent_at, false),
        (BODY, sent_at - 3600, false),
    ] {
        let call = format!(
            "{check}\nverify({{'webhook-id': 'dlv_1', 'webhook-timestamp': '{sent_at}', \
             'webhook-signature': 'v1,b2xkIGtleQ== {signature}'}}, b'{body}', '{KEY}')\n"
        );
        let called = Command::new("python3").args(["-c", &call]).output();
        let called = called.expect("there is Python, which the tests of mails need, too");
        assert_eq!(called.status.success(), is_taken, "{}", printed(&called));
    }
}
