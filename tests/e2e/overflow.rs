//! A sink that takes nothing keeps a bounded queue, and what it does not take is told elsewhere.

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::receiver::{Answer, Request};
use smswatch_testkit::redis_server::RedisServer;
use std::path::{Path, PathBuf};

use crate::ask::{self, metrics, until};
use crate::process::{Process, check};
use crate::stage::{Stage, sqlite_in, webhook};

/// Writes a configuration; `crm` and `ops` are more of those sinks' options.
fn config(stage: &Stage, store: &str, crm: &str, ops: &str) -> PathBuf {
    let rest = format!(
        r#"
watch: {{schedule: [50ms], confirm_after: 0s}}
sinks:
{crm}{ops}
rules:
  - name: carrier-violation
    match: {{detailed_status: Carrier Violation}}
    severity: critical
    notify: [crm]
  - name: undelivered
    match: {{status: Undelivered}}
    notify: [crm]
"#,
        crm = webhook("crm", &stage.webhook, crm),
        ops = webhook("ops", &stage.ops, ops),
    );
    stage.write(store, &rest)
}

/// Has a message watched that met its fate a minute ago.
fn watch(stage: &Stage, process: &Process, fate: Fate) -> String {
    stage.watch(process, 1, fate).remove(0)
}

/// Does the same, and waits until `crm` was notified of it.
async fn tell_of(stage: &Stage, process: &Process, fate: Fate) -> String {
    let id = watch(stage, process, fate);
    until("the sink is notified of it", async || {
        messages(&stage.webhook.requests()).contains(&id)
    })
    .await;
    id
}

/// Waits until the process knows what it has of `crm`'s answer, as `/readyz` says it.
async fn in_trouble(process: &Process, words: &str) {
    until("the sink is in trouble", async || {
        let (_, ready) = ask::json(process, "/readyz").await;
        let trouble = ready["parts"]["sink:crm"]["trouble"].as_str();
        trouble.is_some_and(|trouble| trouble.contains(words))
    })
    .await;
}

/// The messages that requests tell of, sorted, each once.
fn messages(requests: &[Request]) -> Vec<String> {
    let ids = requests.iter().filter_map(|request| {
        let body = request.json();
        let id = &body["data"]["events"][0]["message"]["message_id"];
        id.as_str().map(str::to_owned)
    });
    sorted(ids)
}

fn sorted(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort();
    ids.dedup();
    ids
}

fn dead(process: &Process) -> Vec<Value> {
    let listed = process.json(&["dead", "list"]);
    listed.as_array().expect("a list").clone()
}

/// The messages that dead letters tell of, sorted.
fn dead_messages(letters: &[Value]) -> Vec<String> {
    let ids = letters.iter().map(|letter| {
        let id = letter["message_ids"][0].as_str();
        id.expect("an id").to_owned()
    });
    sorted(ids)
}

/// How many deliveries the fallback of `crm` got, as they are counted.
async fn told_elsewhere(process: &Process) -> u64 {
    let metrics = metrics(process).await;
    let counted = "smswatch_fallbacks_total{sink=\"crm\"} ";
    let mut counts = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(counted));
    let count = counts.next().map(str::parse);
    count.map_or(0, |count| count.expect("a number"))
}

async fn a_full_queue_gives_up_its_oldest(store: &str) {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(500));
    let options = ", queue: {max: 5}, retry: {schedule: [2s]}, breaker: {failures: 1000}";
    let process = Process::start(&config(&stage, store, options, ""));
    let mut critical = vec![tell_of(&stage, &process, Fate::CarrierViolation).await];
    let mut normal = Vec::new();
    for _ in 0..8 {
        normal.push(tell_of(&stage, &process, Fate::Undelivered).await);
    }
    critical.push(tell_of(&stage, &process, Fate::CarrierViolation).await);
    until("five are given up", async || dead(&process).len() >= 5).await;

    let letters = dead(&process);
    let (oldest, newest) = normal.split_at(5);
    assert_eq!(dead_messages(&letters), sorted(oldest.to_vec()));
    for letter in &letters {
        let attempts = letter["attempts"].as_array().expect("attempts");
        let last = attempts.last().expect("one at least");
        assert_eq!(
            (&last["result"], &last["detail"]),
            (&"dead".into(), &"queue_full".into())
        );
    }
    let metrics = metrics(&process).await;
    let counted = "smswatch_deliveries_total{sink=\"crm\",result=\"dead\"} 5";
    assert!(metrics.contains(counted), "{metrics}");

    let before = stage.webhook.requests().len();
    stage.webhook.answer_always(Answer::status(200));
    let kept = sorted(newest.iter().chain(&critical).cloned());
    until("the others arrive", async || {
        messages(&stage.webhook.requests()[before..]) == kept
    })
    .await;
    assert_eq!(dead(&process).len(), 5);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_full_queue_gives_up_its_oldest_below_critical() {
    let redis = RedisServer::start();
    a_full_queue_gives_up_its_oldest(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_full_queue_gives_up_its_oldest_below_critical() {
    let directory = tempfile::tempdir().expect("a directory");
    a_full_queue_gives_up_its_oldest(&sqlite_in(directory.path())).await;
}

/// Waits until `show` says this of a message.
async fn shows(process: &Process, id: &str, words: &str) {
    until(words, async || {
        let shown = process.ask(&["show", id]).stdout;
        String::from_utf8_lossy(&shown).contains(words)
    })
    .await;
}

async fn what_a_sink_does_not_take_is_told_elsewhere(store: &str) {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(422));
    let process = Process::start(&config(&stage, store, ", fallback: ops", ""));
    let id = tell_of(&stage, &process, Fate::Undelivered).await;
    until("the fallback is notified of it", async || {
        !stage.ops.requests().is_empty()
    })
    .await;
    until("the first one is dead", async || dead(&process).len() == 1).await;
    let told = stage.ops.requests().remove(0);
    let letter = dead(&process).remove(0);
    assert_eq!(letter["sink"], "crm");
    assert_ne!(told.header("webhook-id"), letter["id"].as_str());
    assert_eq!(
        messages(std::slice::from_ref(&told)),
        std::slice::from_ref(&id)
    );
    shows(&process, &id, "ops, instead of crm, which did not take it").await;
    let own = told.header("webhook-id").expect("an id").to_owned();
    until("it is known as delivered", async || {
        process.json(&["dead", "show", &own])["state"] == "delivered"
    })
    .await;

    // Given up once more, it is not told elsewhere once more.
    let first = letter["id"].as_str().expect("an id");
    assert!(process.ask(&["dead", "retry", first]).status.success());
    until("it is noted in the log", async || {
        process
            .said()
            .contains("1 ended delivery was sent again (crm: 1)")
    })
    .await;
    until("it is given up again", async || {
        let letters = dead(&process);
        letters.len() == 1 && letters[0]["attempts"].as_array().map(Vec::len) == Some(2)
    })
    .await;
    // A test of the sink is about the sink alone.
    assert!(!process.ask(&["sink", "test", "crm"]).status.success());
    let next = tell_of(&stage, &process, Fate::Undelivered).await;
    until("the fallback is notified of the next", async || {
        messages(&stage.ops.requests()).contains(&next)
    })
    .await;
    assert_eq!(stage.ops.requests().len(), 2);
    until("each is counted once", async || {
        told_elsewhere(&process).await == 2
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_what_a_sink_does_not_take_is_told_elsewhere_once() {
    let redis = RedisServer::start();
    what_a_sink_does_not_take_is_told_elsewhere(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_a_sink_does_not_take_is_told_elsewhere_once() {
    let directory = tempfile::tempdir().expect("a directory");
    what_a_sink_does_not_take_is_told_elsewhere(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_queue_gives_up_is_told_elsewhere() {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(500));
    let redis = RedisServer::start();
    let options = ", queue: {max: 1}, retry: {schedule: [1h]}, fallback: ops";
    let process = Process::start(&config(&stage, &redis.url(), options, ""));
    let oldest = tell_of(&stage, &process, Fate::Undelivered).await;
    tell_of(&stage, &process, Fate::Undelivered).await;
    until("the fallback is notified of the oldest", async || {
        messages(&stage.ops.requests()) == [oldest.clone()]
    })
    .await;
    until("it is dead", async || {
        dead_messages(&dead(&process)) == [oldest.clone()]
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}

/// A receiver that wants an hour's break is well as far as its breaker goes, and its alerts would be an hour late.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_receiver_that_wants_a_long_break_is_told_to_the_fallback() {
    let stage = Stage::new().await;
    let busy = Answer::status(429).header("retry-after", "3600");
    stage.webhook.answer_always(busy);
    let options = ", fallback: ops, fallback_after: 1s";
    let store = sqlite_in(stage.directory.path());
    let process = Process::start(&config(&stage, &store, options, ""));
    let mut ids = vec![tell_of(&stage, &process, Fate::CarrierViolation).await];
    in_trouble(&process, "asked for a pause until").await;
    ids.push(watch(&stage, &process, Fate::CarrierViolation));
    let ids = sorted(ids);
    until("the fallback is notified of both", async || {
        messages(&stage.ops.requests()) == ids
    })
    .await;
    assert_eq!(stage.webhook.requests().len(), 1, "the break is kept");
    assert_eq!(dead(&process), [] as [Value; 0], "they stay parked");
    assert_eq!(process.terminate(), Some(0));
}

async fn what_is_parked_is_told_elsewhere(store: &str) {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(500));
    let options = ", breaker: {failures: 1, probe: 1h}, retry: {schedule: [1s]}, \
                   fallback: ops, fallback_after: 2s";
    let process = Process::start(&config(&stage, store, options, ""));
    // The first one opens the breaker, the others are parked.
    let mut ids = vec![tell_of(&stage, &process, Fate::Undelivered).await];
    in_trouble(&process, "down since").await;
    for fate in [Fate::Undelivered, Fate::CarrierViolation, Fate::Undelivered] {
        ids.push(watch(&stage, &process, fate));
    }
    let ids = sorted(ids);
    until("the fallback is notified of all", async || {
        messages(&stage.ops.requests()) == ids
    })
    .await;
    assert_eq!(dead(&process), [] as [Value; 0], "they stay parked");
    shows(&process, &ids[0], "ops, instead of crm, which is down").await;
    let late = watch(&stage, &process, Fate::Undelivered);
    until("the fallback is notified of the late one", async || {
        messages(&stage.ops.requests()).contains(&late)
    })
    .await;
    assert_eq!(stage.ops.requests().len(), 5, "each is told once");
    until("each is counted once", async || {
        told_elsewhere(&process).await == 5
    })
    .await;
    assert_eq!(stage.webhook.requests().len(), 1);
    process.kill();

    // Another process on the same store tells nothing again, and the sink gets what was parked.
    let process = Process::start(&config(&stage, store, options, ""));
    stage.webhook.answer_always(Answer::status(200));
    let resumed = process.ask(&["sink", "resume", "crm"]);
    assert!(resumed.status.success());
    let all = sorted(ids.iter().chain([&late]).cloned());
    until("the sink is notified of all", async || {
        messages(&stage.webhook.requests()[1..]) == all
    })
    .await;
    assert_eq!(stage.ops.requests().len(), 5, "each is told once");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_what_is_parked_for_too_long_is_told_elsewhere_once() {
    let redis = RedisServer::start();
    what_is_parked_is_told_elsewhere(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_is_parked_for_too_long_is_told_elsewhere_once() {
    let directory = tempfile::tempdir().expect("a directory");
    what_is_parked_is_told_elsewhere(&sqlite_in(directory.path())).await;
}

/// Changes the store of a process that has ended.
fn change(store: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(store).expect("the file opens");
    connection.execute_batch(sql).expect("the change is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_fallback_is_queued_loses_nothing() {
    let stage = Stage::new().await;
    let store = stage.directory.path().join("store.db");
    let config = config(
        &stage,
        &sqlite_in(stage.directory.path()),
        ", fallback: ops",
        "",
    );
    assert_eq!(Process::start(&config).terminate(), Some(0));
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON deliveries WHEN NEW.sink = 'ops'
                  BEGIN SELECT raise(ABORT, 'not yet'); END";
    change(&store, refuse);
    stage.webhook.answer_always(Answer::status(422));
    let process = Process::start(&config);
    let id = tell_of(&stage, &process, Fate::Undelivered).await;
    // The store has refused the fallback, twice at least.
    let refused = "smswatch_store_seconds_count{op=\"complete\"} ";
    until("the fallback is refused", async || {
        let metrics = metrics(&process).await;
        let mut counts = metrics
            .lines()
            .filter_map(|line| line.strip_prefix(refused));
        counts.any(|count| count.parse().is_ok_and(|count: u64| count >= 2))
    })
    .await;
    assert_eq!(
        dead(&process),
        [] as [Value; 0],
        "the first one waits for it"
    );
    process.kill();
    change(&store, "DROP TRIGGER refuse; UPDATE deliveries SET due = 0");
    let process = Process::start(&config);
    until("the fallback is notified of it", async || {
        messages(&stage.ops.requests()) == [id.clone()]
    })
    .await;
    until("it is dead", async || dead(&process).len() == 1).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn fallbacks_that_lead_nowhere_are_refused() {
    let stage = Stage::new().await;
    for (crm, ops, said) in [
        (", fallback: opss", "", "did you mean `ops`?"),
        (", fallback: crm", "", "a sink cannot be its own fallback"),
        (", fallback: ops", ", fallback: crm", "crm → ops → crm"),
    ] {
        let checked = check(&config(&stage, "redis://127.0.0.1:1", crm, ops));
        let told = String::from_utf8(checked.stderr).expect("text");
        assert_eq!(checked.status.code(), Some(2), "{told}");
        assert!(
            told.contains(said) && told.contains("smswatch.yaml:"),
            "{told}"
        );
    }
}
