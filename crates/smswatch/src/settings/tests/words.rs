//! What is said to somebody who wrote what other programs take, and what is taken after all.

use super::{ROUTEE, load, said};

/// Somebody to tell, so that this is not warned of.
pub(super) const TOLD: &str = "sinks: {c: {type: console}}\nrules: [{name: all, notify: [c]}]\n";

broken! {
    a_channel_that_became_a_comment:
        "sinks:\n  slack:\n    type: slack\n    bot_token: xoxb-1\n    channel: #sms-alerts\n";
    a_channel_that_became_a_comment_in_brackets:
        "sinks:\n  slack: {type: slack, bot_token: xoxb-1, channel: #sms-alerts}\n";
    a_channel_of_a_rule_that_became_a_comment:
        "sinks:
  slack: {type: slack, bot_token: xoxb-1, channel: \"#a\"}
rules:
  - name: one
    notify:
      - sink: slack
        channel: #sms-alerts\n";
    options_without_a_value: "http:\n  listen:\n  token:\nstore: {url: }\n";
    a_port_alone: "http: {listen: 8093}";
    one_recipient_that_is_no_list:
        "sinks: {m: {type: email, smtp: \"smtp://h\", from: a@example.com, to: \"b@example.com\"}}";
    one_mention_that_is_no_list:
        "sinks: {s: {type: slack, bot_token: xoxb-1, channel: \"#a\"}}
rules: [{name: a, notify: [{sink: s, mention: \"@here\"}]}]";
    a_mention_of_nobody:
        "sinks: {s: {type: slack, bot_token: xoxb-1, channel: \"#a\"}}
rules: [{name: a, notify: [{sink: s, mention: [\"@bob\"]}]}]";
    a_secret_in_a_variable_that_is_not_set: "http: {token: \"${MISSING}\"}";
    a_token_that_is_missing: "http: {tokens: [{name: a, scope: read}]}";
    a_proxy_without_a_scheme: "proxy: \"proxy.example.com:3128\"\nsinks: {c: {type: console, proxy: off}}";
    a_problem_behind_an_alias:
        "sinks:
  a: &common {type: webhook, url: \"http://e.com\", sekret: x}
  b: {<<: *common, url: \"http://f.com\"}";
    a_number_with_zeros_before_it: "store: {shards: 016}";
    a_token_that_no_header_can_hold: "http: {token: \"t\u{f6}ken\", tokens: [{name: a, scope: read, token: \"a\\nb\"}]}";
}

#[test]
fn where_a_relative_path_begins_is_told() {
    let here = std::env::current_dir().expect("a directory");
    let said = said("http: {token_file: nowhere/token}");
    assert!(
        said.contains(&format!("working directory, which is `{}`", here.display())),
        "{said}"
    );
}

/// What is said of each of several values of `store.url`.
fn said_of_stores(urls: &[&str]) -> String {
    let said: Vec<String> = urls
        .iter()
        .map(|url| {
            let said = said(&format!("store: {{url: {url:?}}}"));
            let here = std::env::current_dir().expect("a directory");
            let said = said.replace(&here.display().to_string(), "HERE");
            let told = said.lines().filter(|line| {
                line.starts_with("error") || line.starts_with("warning") || line.starts_with("hint")
            });
            format!("{url}\n{}", told.collect::<Vec<_>>().join("\n"))
        })
        .collect();
    said.join("\n\n")
}

#[test]
fn forms_of_sqlite_urls_that_mean_other_files_elsewhere_are_refused() {
    insta::assert_snapshot!(said_of_stores(&[
        "sqlite:",
        "sqlite://field15.db",
        "sqlite:///var/lib/field15.db",
        "sqlite:////var/lib/field15.db",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite:field15.db?mode=rwc",
        "sqlite:file:field15.db?mode=memory",
        "sqlite:~/field15.db",
        "sqlite:my%20file.db",
        "file:field15.db",
        "sqlite3:field15.db",
        "sqlite+aiosqlite:///field15.db",
        "jdbc:sqlite:field15.db",
        "field15.db",
        "./data/field15.db",
        "SQLITE:field15.db",
        "sqlite:/nope/dir/x.db",
        "sqlite:nope/x.db",
        "sqlite:/tmp",
        "sqlite:Cargo.toml",
    ]));
}

#[test]
fn forms_of_redis_urls_that_cannot_be_meant_are_refused_without_showing_a_password() {
    let said = said_of_stores(&[
        "redis://",
        "redis://default:7#hunter2@h",
        "redis://:hun/ter2@h:6379/0",
        "redis://u:hun?ter2@h",
        "redis://u:hunter2@h:port",
        "rediss://h:6379/x",
        "unix:///run/redis.sock",
        "redis+unix:///run/redis.sock",
        "valkey://h:6379",
        "redis+sentinel://a,b/service",
        "127.0.0.1:6379",
        "localhost",
    ]);
    let shown: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error"))
        .collect();
    assert!(!shown.join("\n").contains("hun"), "{said}");
    insta::assert_snapshot!(said);
}

#[test]
fn sound_urls_of_stores_are_taken() {
    for url in [
        "sqlite:smswatch.db",
        "sqlite:./smswatch.db",
        "sqlite:/tmp/smswatch.db",
        "redis://127.0.0.1:6379",
        "redis://:p%40ss%23%2F@h:6379/2",
        "redis://user:p@ss@h",
        "rediss://[::1]:6379/0",
    ] {
        let loaded = load(&format!("{ROUTEE}{TOLD}store: {{url: {url:?}}}"));
        let warnings = loaded
            .unwrap_or_else(|problems| panic!("{url}: {problems:?}"))
            .warnings;
        assert_eq!(warnings, [], "{url}");
    }
}

#[test]
fn a_store_in_memory_is_warned_of() {
    let loaded = load(&format!(
        "{ROUTEE}{TOLD}store: {{url: \"sqlite::memory:\"}}"
    ));
    let warnings = loaded.expect("it is sound").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    insta::assert_snapshot!(warnings[0]);
}

#[test]
fn a_section_with_every_line_commented_out_counts_as_absent() {
    for section in [
        "store",
        "watch",
        "http",
        "privacy",
        "history",
        "alarms",
        "heartbeat",
        "sinks",
        "rules",
    ] {
        let text = format!("{ROUTEE}{section}:\n  # url: x\n");
        let loaded = load(&text);
        assert!(loaded.is_ok(), "{section}: {:?}", loaded.err());
    }
    let text = format!(
        "{ROUTEE}history:\n  events:\n    # max: 1\nwatch:\n  schedule:\n    # - 5s\nhttp:\n  tokens:\n\
         sinks:\n  a:\n    # type: console\n  b:\n    type: console\n    retry:\n      # schedule: [5s]\n    \
         rate:\n  c:\n    type: webhook\n    url: https://crm.example.com\n    headers:\n      # x: y\n\
         rules:\n  - name: one\n    match:\n      # status: Failed\n    template:\n      # title: x\n    \
         notify: [b]\n"
    );
    let loaded = load(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(loaded.configuration.sinks.len(), 2);
    assert_eq!(loaded.configuration.rules.len(), 1);
    let schedule = loaded.configuration.settings.watch.schedule;
    assert_eq!(schedule.len(), 7, "the default");
    let nothing = load("routee:\n  # application_id: x\n").expect_err("it is needed");
    assert!(
        nothing[0].message.contains("`routee` is missing"),
        "{nothing:?}"
    );
}

#[test]
fn sections_may_be_shared_by_anchors_and_merge_keys() {
    let text = format!(
        "{ROUTEE}sinks:\n  a: {{type: console, retry: &often {{schedule: [5s, 30s], give_up_after: 1h}}}}\n  \
         b: {{type: console, retry: *often}}\n  c: &base {{type: console, timeout: 7s}}\n  \
         d:\n    <<: *base\n    concurrency: 3\nrules:\n  - &rule {{name: one, severity: critical, notify: [a]}}\n  \
         - {{<<: *rule, name: two}}\n"
    );
    let loaded = load(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let sinks = loaded.configuration.sinks;
    assert_eq!(sinks["a"].1.retry.schedule, sinks["b"].1.retry.schedule);
    assert_eq!(sinks["b"].1.retry.schedule.len(), 2);
    assert_eq!(sinks["d"].1.timeout.as_secs(), 7);
    assert_eq!(sinks["d"].1.concurrency, 3);
    assert_eq!(loaded.configuration.rules.len(), 2);
}
