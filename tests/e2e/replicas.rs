//! Replicas share the work, take over from the dead, and can be replaced one by one.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ask;
use crate::fleet::Fleet;
use crate::process::Process;

/// How many polls a process has made, by its own count.
pub(crate) async fn polls(process: &Process) -> u64 {
    let text = ask::metrics(process).await;
    let count = text.lines().find_map(|line| {
        line.strip_prefix("smswatch_polls_total{result=\"seen\"} ")?
            .parse()
            .ok()
    });
    count.unwrap_or(0)
}

async fn polls_of_all(replicas: &[Process]) -> Vec<u64> {
    let mut made = Vec::new();
    for replica in replicas {
        made.push(polls(replica).await);
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_share_the_work_and_the_last_one_finishes_it() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[2s]", "");
    let replicas = [(); 3].map(|()| Process::start(&config));
    let ids = fleet.watch_held(&replicas[0], 300).await;

    // The replica that took the registrations polls first; by then the replicas know of each other.
    fleet.polled(&ids, 2).await;
    ask::until("all three poll", async || {
        polls_of_all(&replicas).await.iter().all(|made| *made > 0)
    })
    .await;
    let before = polls_of_all(&replicas).await;
    let polled = |id| fleet.sim.message(id).expect("it is known").polls;
    let so_far = ids.iter().map(|id| polled(id)).max();
    let rounds = so_far.expect("there are messages") + 13;
    fleet.polled(&ids, rounds).await;
    for id in &ids {
        let polls = fleet.sim.message(id).expect("it is known").poll_times_ms;
        let gaps: Vec<i64> = polls.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            gaps.iter().all(|gap| *gap >= 1_000),
            "{id} was polled twice for one due time: {gaps:?}"
        );
        // A watch that falls between the replicas waits until the lease of 40 seconds has ended.
        assert!(
            gaps.iter().all(|gap| *gap < 30_000),
            "{id} waited for a lease: {gaps:?}"
        );
    }
    let after = polls_of_all(&replicas).await;
    let made = before.iter().zip(&after);
    let made: Vec<u64> = made.map(|(before, after)| after - before).collect();
    let all: u64 = made.iter().sum();
    assert!(
        made.iter().all(|made| made * 10 > all),
        "the work is not shared: {made:?}"
    );

    let [first, second, last] = replicas;
    first.kill();
    second.kill();
    fleet.end(&ids);
    let told = fleet.told(&ids).await;
    assert!(told.values().all(|deliveries| deliveries.len() == 1));
    assert_eq!(last.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_and_repeats_nothing() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[200ms]", "");
    let mut replicas = vec![Process::start(&config), Process::start(&config)];
    let mut ids = Vec::new();
    for _ in 0..4 {
        let more = fleet.watch_held(&replicas[0], 100).await;
        fleet.polled(&more, 1).await;
        fleet.end(&more);
        ids.extend(more);
        // The one that just took registrations goes, amid its polls and deliveries.
        let oldest = replicas.remove(0);
        assert_eq!(oldest.terminate(), Some(0));
        replicas.push(Process::start(&config));
    }
    let told = fleet.told(&ids).await;
    assert_eq!(told.len(), ids.len());
    for (id, deliveries) in told {
        assert_eq!(deliveries.len(), 1, "{id} was told more than once");
    }
}

/// A process whose clock is so much off, such as `+60s`; only what it sees of time is changed.
fn start_with_clock(config: &std::path::Path, offset: &str) -> Process {
    let faketime = Command::new("faketime")
        .args(["-f", offset, "printenv", "LD_PRELOAD"])
        .output()
        .expect("faketime is missing: `cargo xtask test` installs it");
    let library = String::from_utf8(faketime.stdout).expect("a path");
    let environment = [
        ("LD_PRELOAD", library.trim()),
        ("FAKETIME", offset),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Process::start_in(config, &environment)
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_clocks_are_a_minute_off_do_no_harm() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[1s]", "");
    let early = start_with_clock(&config, "-60s");
    let late = start_with_clock(&config, "+60s");
    assert_ne!(minute(&early).await, minute(&late).await);
    let mut ids = fleet.watch_held(&early, 50).await;
    ids.extend(fleet.watch_held(&late, 50).await);
    fleet.polled(&ids, 4).await;
    for id in &ids {
        let polls = fleet.sim.message(id).expect("it is known").poll_times_ms;
        let is_twice = |pair: &[i64]| pair[1] - pair[0] < 500;
        assert!(
            !polls.windows(2).any(is_twice),
            "{id} was polled twice for one due time: {polls:?}"
        );
    }
    fleet.end(&ids);
    let told = fleet.told(&ids).await;
    let arrived = SystemTime::now();
    assert!(told.values().all(|deliveries| deliveries.len() == 1));
    for request in fleet.webhook.requests() {
        let body = request.json();
        let event = &body["data"]["events"][0];
        assert_eq!(event["late"], false);
        let detected_at = event["detected_at"].as_str().expect("an instant");
        let off = apart(detected_at.parse().expect("an instant"), arrived);
        assert!(
            off < Duration::from_secs(45),
            "{detected_at} is off by {off:?}"
        );
    }
    assert!(polls(&early).await > 0 && polls(&late).await > 0);
}

/// The minute of the hour as the process's own clock has it, which its answers tell.
async fn minute(process: &Process) -> String {
    let answer = reqwest::get(format!("{}/healthz", process.url)).await;
    let answer = answer.expect("an answer");
    let date = answer.headers()["date"].to_str().expect("a date");
    date.split(':').nth(1).expect("a time of day").to_owned()
}

/// How far `instant` is from `time`, which this process's clock told, and that is right.
fn apart(instant: smswatch_plugin::model::Timestamp, time: SystemTime) -> Duration {
    let then = UNIX_EPOCH + Duration::from_millis(instant.as_millis().unsigned_abs());
    time.duration_since(then)
        .unwrap_or_else(|ahead| ahead.duration())
}
