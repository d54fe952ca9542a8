//! A process on SQLite that is killed in the middle of its work: the next one finishes it.

use std::path::Path;
use std::time::Duration;

use smswatch_testkit::receiver::Answer;

use crate::ask::{self, until};
use crate::fleet::{Fleet, deliveries};
use crate::process::Process;
use crate::stage::sqlite_in;

/// Has `config` keep everything in one file beside it.
fn on_sqlite(config: &Path, fleet: &Fleet) {
    let directory = config.parent().expect("a directory");
    let text = std::fs::read_to_string(config).expect("a file");
    let text = text.replace(&fleet.redis.url(), &sqlite_in(directory));
    // What a killed process had in hand is had again soon.
    let text = text.replace("timeout: 30s", "timeout: 5s");
    std::fs::write(config, text).expect("a file");
}

/// Waits until nothing is on its way any more, longer than a killed process's deliveries are its own.
async fn delivered(process: &Process) {
    until("nothing waits any more", async || {
        let (_, page) = ask::json(process, "/v1/deliveries?state=pending").await;
        page["items"].as_array().is_some_and(Vec::is_empty)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_on_sqlite_had_in_hand_arrives_and_repeats_are_recognizable() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "");
    on_sqlite(&config, &fleet);
    // So slow that some are under way at any moment.
    let slow = Answer::status(200).delay(Duration::from_millis(300));
    fleet.webhook.answer_always(slow);
    let mut process = Process::start(&config);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let more = fleet.watch_held(&process, 40).await;
        fleet.polled(&more, 1).await;
        let heard = fleet.webhook.requests().len();
        fleet.end(&more);
        ids.extend(more);
        fleet.webhook.wait_for(heard + 5).await;
        process.kill();
        process = Process::start(&config);
    }
    fleet.told(&ids).await;
    delivered(&process).await;
    let told = deliveries(&fleet.webhook.requests());
    for (id, deliveries) in &told {
        let first = &deliveries[0];
        assert!(
            deliveries.iter().all(|again| again == first),
            "{id} came as {deliveries:?}"
        );
    }
    assert!(
        told.values().any(|deliveries| deliveries.len() > 1),
        "nothing was under way when it was killed"
    );
    assert_eq!(process.terminate(), Some(0));
}
