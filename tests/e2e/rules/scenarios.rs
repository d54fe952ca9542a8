//! `smswatch rules test` plays scenarios with a fixed clock and says where the rules do something else.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::{Desk, shown};

const RULES: &str = r#"
rules:
  - {name: carrier-violation, match: {detailed_status: Carrier Violation}, severity: critical, notify: [slack, mail]}
  - {name: undelivered, match: {status: [Undelivered, Failed]}, notify: [mail]}
  - {name: slow, event: stuck, after: 2m, match: {label: "otp-*"}, notify: [slack]}
"#;

const GREEN: &str = r#"
tests:
  - name: a violation
    given:
      - {at: 0s, message: {message_id: M-1, from: MyShop, to: "+306900000001", country: GR}, status: Sent}
      - {at: 4s, status: Undelivered}
      - {at: 90s, status: Undelivered, detailed_status: Carrier Violation}
    expect:
      - {rule: undelivered, sink: mail, at: 4s}
      - {rule: carrier-violation, sink: slack, at: 90s, title: "carrier violation: * to GR"}
      - {rule: carrier-violation, sink: mail, at: 90s, text: "/spam filter/"}
  - name: two messages, and one that is stuck
    given:
      - {at: 0s, message: {message_id: a, label: otp-1}, status: Sent}
      - {at: 1s, message: {message_id: b}, status: Sent}
      - {at: 2s, message: {message_id: b}, status: Failed}
    expect:
      - {rule: slow, sink: slack, at: 2m}
      - {rule: undelivered, sink: mail, severity: warning}
"#;

const RED: &str = r#"
tests:
  - name: other words, another time and another sink
    given:
      - {at: 0s, message: {from: MyShop, to: "+306900000001", country: GR}, status: Sent}
      - {at: 4s, status: Undelivered, detailed_status: Carrier Violation}
    expect:
      - {rule: carrier-violation, sink: slack, at: 9s, title: "*to CY"}
      - {rule: undelivered, sink: slack}
      - {rule: archive, sink: crm}
  - name: nobody is told of what goes well
    given: [{at: 0s, status: Sent}, {at: 1s, status: Delivered}]
    expect: [{rule: undelivered, sink: mail, at: 1s, title: "*"}]
  - name: green
    given: [{at: 0s, status: Sent}]
    expect: []
"#;

const RATE: &str = r#"
maintenance:
  - {name: night, cron: "0 2 * * *", timezone: Europe/Athens, duration: 1h, match: {country: GR}}
rules:
  - name: failing
    event: rate
    count: {status: Undelivered}
    among: {final: true}
    by: [country]
    over: 15m
    above: 25%
    at_least: 20
    notify: [mail]
  - {name: each, match: {status: Undelivered}, group: {by: [country], wait: 30s}, notify: [slack]}
"#;

const RATE_SCENARIOS: &str = r#"
tests:
  - name: two of five fail, and then nothing is sent any more
    given:
      - {at: 0s, message: {message_id: well, country: CY}, times: 12, status: Delivered}
      - {at: 10s, message: {message_id: ill, country: CY}, times: 8, status: Undelivered}
    expect:
      - {rule: each, sink: slack, at: 40s, title: "Undelivered: 8 messages to CY"}
      - {rule: failing, sink: mail, at: 15s, text: "/8 of 20, 40.0 %, over 15m/"}
      - {rule: failing, sink: mail, at: 915s, title: "Resolved: *"}
    until: 20m
  - name: at night, nobody is told of Greece
    begin: 2026-03-01T00:30:00Z
    given:
      - {at: 0s, message: {message_id: gr, country: GR}, status: Undelivered}
      - {at: 0s, message: {message_id: cy, country: CY}, status: Undelivered}
      - {at: 2h, message: {message_id: later, country: GR}, status: Undelivered}
    expect:
      - {rule: each, sink: slack, at: 30s, title: "* GR", held_back: "maintenance:night"}
      - {rule: each, sink: slack, at: 30s, title: "* CY"}
      - {rule: each, sink: slack, at: 2h, title: "* GR"}
  - name: at night, nobody is told of a rate of Greece either
    begin: 2026-03-01T00:30:00Z
    given: [{at: 0s, message: {country: GR}, times: 20, status: Undelivered}]
    expect:
      - {rule: failing, sink: mail, at: 10s, held_back: "maintenance:night"}
      - {rule: each, sink: slack, at: 30s, held_back: "maintenance:night"}
    until: 5m
  - name: what is held back is no surprise, and is told where it was expected to be sent
    begin: 2026-03-01T00:30:00Z
    given: [{at: 0s, message: {country: GR}, status: Undelivered}]
    expect: [{rule: each, sink: slack, at: 30s}]
"#;

const LIMITS: &str = r#"
rules:
  - name: failing
    event: rate
    count: {status: Undelivered}
    among: {final: true}
    by: [country]
    over: 10m
    above: 50%
    at_least: 10
    repeat: 4m
    notify: [mail]
  - name: each
    match: {status: Undelivered, label: "vip-*"}
    unless_firing: failing
    notify: [mail]
  - {name: few, match: {status: Failed}, throttle: {at_most: 2, per: 10m}, notify: [slack]}
  - {name: rest, match: {status: Failed}, group: {by: [country], wait: 1m}, notify: [slack]}
"#;

const LIMIT_SCENARIOS: &str = r#"
tests:
  - name: two are told at once, and the rest by a rule below
    given: [{at: 0s, message: {country: CY}, times: 5, status: Failed}]
    expect:
      - {rule: few, sink: slack, at: 0s}
      - {rule: few, sink: slack, at: 0s}
      - {rule: few, sink: slack, at: 0s, held_back: "throttle of few*"}
      - {rule: rest, sink: slack, at: 1m, title: "Failed: 3 messages to CY"}
    until: 2m
  - name: while the alert fires and is repeated, single failures are held back
    given:
      - {at: 0s, message: {message_id: a, country: CY}, times: 12, status: Undelivered}
      - {at: 30s, message: {message_id: b, country: CY, label: vip-1}, status: Undelivered}
      - {at: 30s, message: {message_id: c, country: GR, label: vip-1}, status: Undelivered}
    expect:
      - {rule: failing, sink: mail, at: 10s}
      - {rule: each, sink: mail, at: 30s, title: "* CY", held_back: "the alert of failing fires"}
      - {rule: each, sink: mail, at: 30s, title: "* GR"}
      - {rule: failing, sink: mail, at: 250s, title: "Still firing: *"}
    until: 5m
"#;

/// What comes of these scenarios of these rules, and the folder that they are in.
fn played(rules: &str, scenarios: &str, more: &[&str]) -> (Desk, Output) {
    let desk = Desk::new(rules);
    desk.write("scenarios.yaml", scenarios);
    let output = desk.run(&[&["rules", "test", "scenarios.yaml"], more].concat(), "");
    (desk, output)
}

#[test]
fn throttles_and_alerts_that_hold_back_are_played_as_in_a_running_service() {
    let (_, output) = played(LIMITS, LIMIT_SCENARIOS, &[]);
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn rates_and_maintenance_windows_are_played_as_in_a_running_service() {
    let (_, output) = played(RATE, RATE_SCENARIOS, &[]);
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn scenarios_that_hold_pass() {
    let (_, output) = played(RULES, GREEN, &[]);
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn a_rule_that_does_something_else_is_told_with_what_differs() {
    let (desk, output) = played(RULES, RED, &["--junit", "report.xml"]);
    insta::assert_snapshot!(shown(&output));
    let report = std::fs::read_to_string(desk.path().join("report.xml")).expect("a report");
    insta::assert_snapshot!("junit", report);
}

#[test]
fn programs_get_what_was_notified_and_what_differs() {
    let (_, output) = played(RULES, RED, &["--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let first = &told["items"][0];
    assert_eq!(first["passed"], false);
    assert_eq!(first["notified"][0]["rule"], "carrier-violation");
    assert_eq!(first["notified"][0]["at"], "4s");
    let problems = first["differences"].as_array().expect("a list").iter();
    let problems: Vec<&Value> = problems.map(|difference| &difference["problem"]).collect();
    assert_eq!(problems, ["different", "missing", "missing", "unexpected"]);
    assert_eq!(told["items"][2]["passed"], true);
}

#[test]
fn a_broken_file_is_wrong_usage_with_line_and_column() {
    let desk = Desk::new(RULES);
    desk.write(
        "scenarios.yaml",
        "tests:\n  - name: a\n    given: [{at: 5, statuss: Sent}]\n    expect: []\n",
    );
    let output = desk.run(&["rules", "test", "scenarios.yaml"], "");
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(shown(&output));
    let output = desk.run(&["rules", "test", "nowhere.yaml"], "");
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}

#[test]
fn the_rules_of_the_first_day_do_what_their_scenarios_say() {
    let tested = tested(&config_folder(), "rules.default.test.yaml");
    insta::assert_snapshot!(shown(&tested));
}

#[test]
fn the_rules_by_example_do_what_their_scenarios_say_and_one_that_is_broken_is_told() {
    let folder = config_folder();
    let green = tested(&folder, "rules.example.test.yaml");
    assert_eq!(green.status.code(), Some(0), "{}", shown(&green));

    // Every rule is in a scenario.
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");
    let (rules, scenarios) = (read("rules.example.yaml"), read("rules.example.test.yaml"));
    let names = rules
        .lines()
        .filter_map(|line| line.strip_prefix("  - name: "));
    let untested: Vec<&str> = names
        .filter(|name| !scenarios.contains(&format!("rule: {name},")))
        .collect();
    assert_eq!(untested, Vec::<&str>::new());

    let desk = Desk::new("");
    let broken = rules.replace(
        "wait: 1m, interval: 5m, max: 10",
        "wait: 30s, interval: 5m, max: 5",
    );
    assert_ne!(broken, rules);
    desk.write("rules.example.yaml", &broken);
    desk.write("rules.example.test.yaml", &scenarios);
    insta::assert_snapshot!(shown(&tested(desk.path(), "rules.example.test.yaml")));
}

fn config_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// What comes of the scenarios in a file of this folder, whose rules have secrets from the environment.
fn tested(folder: &Path, scenarios: &str) -> Output {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    Command::new(env!("CARGO_BIN_EXE_smswatch"))
        .args(["rules", "test", scenarios])
        .current_dir(folder)
        .env("ROUTEE_APPLICATION_ID", "a")
        .env("ROUTEE_APPLICATION_SECRET", "s")
        .env("SLACK_BOT_TOKEN", "xoxb-1")
        .env("CRM_WEBHOOK_SECRET", secret)
        .env(
            "SLACK_WEBHOOK_URL",
            "https://hooks.slack.com/services/T/B/X",
        )
        .output()
        .expect("the command starts")
}
