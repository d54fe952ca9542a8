//! Every example of a configuration, a section, or a rule is accepted by `smswatch check`.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::{env, iter};

use crate::{blocks, pages, printed, read, smswatch};

/// What is there where an example does not say otherwise.
const ROUTEE: &str = "routee: {application_id: a, application_secret: b}\n";

const SINKS: &str = r##"sinks:
  ops-slack: {type: slack, bot_token: xoxb-1, channel: "#sms-alerts"}
  oncall-mail: {type: email, smtp: "smtp://mail.example.com", from: a@example.com, to: [b@example.com]}
  crm: {type: webhook, url: "https://crm.example.com/hooks/sms"}
  console: {type: console}
"##;

const RULES: &str = "rules: [{name: a-rule, match: {status: Failed}, stop: true}]\n";

/// A program without them refuses their section.
const HAS_TRACES: bool = cfg!(feature = "otlp");

/// The keys at the left margin of a YAML text.
fn top_keys(text: &str) -> Vec<&str> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with(char::is_alphanumeric));
    lines
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect()
}

/// The example as a whole configuration; `None` if it is for another program.
fn whole(example: &str) -> Option<String> {
    const SECTIONS: [&str; 13] = [
        "fault",
        "routee",
        "store",
        "watch",
        "http",
        "privacy",
        "history",
        "alarms",
        "maintenance",
        "heartbeat",
        "proxy",
        "shutdown_timeout",
        "sinks",
    ];
    let keys = top_keys(example);
    let has = |key: &str| keys.contains(&key);
    if keys
        .iter()
        .any(|key| ["when", "template", "links"].contains(key))
    {
        let lines = example.lines().map(|line| format!("    {line}\n"));
        let rule: String = lines.collect();
        return whole(&format!(
            "rules:\n  - name: a-rule\n{rule}    notify: [console]\n"
        ));
    }
    if !keys
        .iter()
        .all(|key| SECTIONS.contains(key) || *key == "rules" || (HAS_TRACES && *key == "traces"))
        || keys.is_empty()
    {
        return None;
    }
    let mut text = example.to_owned();
    for (key, default) in [("routee", ROUTEE), ("sinks", SINKS), ("rules", RULES)] {
        if !has(key) {
            text.push_str(default);
        }
    }
    Some(text)
}

/// Programs that examples name, and that need not be on this machine.
const PROGRAMS: [&str; 2] = ["apprise", "page"];

/// Puts the programs of examples into a folder, and returns a `PATH` with it in front.
#[expect(
    clippy::disallowed_methods,
    reason = "examples find programs where these tests find theirs"
)]
fn path_with_programs(folder: &Path) -> OsString {
    for name in PROGRAMS {
        let program = folder.join(name);
        fs::write(&program, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("permissions");
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path);
    env::join_paths(iter::once(folder.to_owned()).chain(folders)).expect("a PATH")
}

/// The names of the variables that a text asks for.
fn variables(text: &str) -> Vec<&str> {
    let pieces = text.split("${").skip(1);
    pieces
        .filter_map(|rest| rest.split(['}', ':']).next())
        .collect()
}

#[test]
fn every_example_is_accepted() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("secret");
    fs::write(&secret, "a-secret\n").expect("a file");
    let file = directory.path().join("example.yaml");
    let path = path_with_programs(directory.path());
    let mut n_checked = 0;
    for page in pages() {
        for example in blocks(&read(&page), "yaml") {
            let Some(text) = whole(&example) else {
                continue;
            };
            let lines = text
                .lines()
                .map(|line| match line.split_once("/run/secrets/") {
                    Some((before, after)) => {
                        let after = after.trim_start_matches(|sign: char| sign.is_alphanumeric());
                        format!("{before}{}{after}\n", secret.display())
                    }
                    None => format!("{line}\n"),
                });
            let text: String = lines.collect();
            fs::write(&file, &text).expect("a file");
            let mut check = smswatch(&["check", "--config"]);
            check
                .arg(&file)
                .current_dir(directory.path())
                .env("PATH", &path);
            for name in variables(&text) {
                let value = if name.ends_with("_URL") {
                    "https://hooks.example.com/x"
                } else {
                    "x"
                };
                check.env(name, value);
            }
            let output = check.output().expect("it runs");
            assert!(
                output.status.success(),
                "{page}:\n{text}\n{}",
                printed(&output)
            );
            n_checked += 1;
        }
    }
    assert!(n_checked > 10, "only {n_checked} examples were found");
}

#[test]
fn every_example_of_json_is_json() {
    let mut n_read = 0;
    for page in pages() {
        for example in blocks(&read(&page), "json") {
            let read = serde_json::from_str::<serde_json::Value>(&example);
            assert!(read.is_ok(), "{page}: {read:?}\n{example}");
            n_read += 1;
        }
    }
    assert!(n_read > 3, "only {n_read} examples were found");
}
