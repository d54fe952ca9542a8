//! SIGTERM ends the program in time, whatever its sinks do, and nothing is forgotten.

use std::path::PathBuf;
use std::time::Duration;

use smswatch_testkit::receiver::Answer;

use crate::fleet::{Fleet, deliveries};
use crate::process::Process;

/// One attempt at a time, on a sink that may take longer than a test waits: what it holds is not had
/// by the end of its lease.
fn slow_sink(fleet: &Fleet) -> PathBuf {
    let config = fleet.config("[100ms]", "shutdown_timeout: 1s");
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace("timeout: 5s", "timeout: 35s\n    concurrency: 1");
    std::fs::write(&config, text).expect("a file");
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hanging_sink_held_arrives_at_once_from_the_next_process() {
    let fleet = Fleet::new().await;
    let config = slow_sink(&fleet);
    fleet.webhook.answer_always(Answer::hang());
    let process = Process::start(&config);
    let ids = fleet.watch_held(&process, 3).await;
    fleet.end(&ids);
    fleet.webhook.wait_for(1).await;
    // One is under way, one is claimed for the time after it, one is neither.
    assert_eq!(process.terminate(), Some(0));

    fleet.webhook.answer_always(Answer::status(200));
    let process = Process::start(&config);
    let told = deliveries(&fleet.webhook.wait_for(4).await);
    assert_eq!(told.len(), 3, "each is told of");
    let twice = told.iter().find(|(_, deliveries)| deliveries.len() == 2);
    let (id, deliveries) = twice.expect("the one that was under way comes again");
    assert_eq!(deliveries[0], deliveries[1], "under its own id");

    let timeline = process.json(&["show", id]);
    let attempt = &timeline["deliveries"][0]["attempts"][0];
    assert_eq!(attempt["result"], "retry");
    let detail = "smswatch stopped before there was an answer";
    assert_eq!(attempt["detail"], detail);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sink_is_about_to_take_is_waited_for() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "shutdown_timeout: 30s");
    let slow = Answer::status(200).delay(Duration::from_millis(700));
    fleet.webhook.answer_always(slow);
    let process = Process::start(&config);
    let ids = fleet.watch_held(&process, 1).await;
    fleet.end(&ids);
    fleet.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));

    let process = Process::start(&config);
    let delivered = process.json(&["show", &ids[0]]);
    assert_eq!(delivered["deliveries"][0]["state"], "delivered");
    assert_eq!(fleet.webhook.requests().len(), 1);
    assert_eq!(process.terminate(), Some(0));
}
