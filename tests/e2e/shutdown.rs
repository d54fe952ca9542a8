//! SIGTERM ends the program in time, whatever its sinks do, and nothing is forgotten.

use smswatch_testkit::receiver::Answer;

use crate::fleet::{Fleet, deliveries};
use crate::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hanging_sink_held_arrives_after_a_restart_under_its_id() {
    let fleet = Fleet::new().await;
    // Shorter than the time that the sink may take, so that the attempt cannot end by itself.
    let config = fleet.config("[100ms]", "shutdown_timeout: 500ms");
    fleet.webhook.answer_always(Answer::hang());
    let process = Process::start(&config);
    let ids = fleet.watch_held(&process, 1).await;
    fleet.end(&ids);
    fleet.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));

    fleet.webhook.answer_always(Answer::status(200));
    let process = Process::start(&config);
    let told = deliveries(&fleet.webhook.wait_for(2).await);
    let of_it = &told[&ids[0]];
    assert_eq!(of_it.len(), 2);
    assert_eq!(of_it[0], of_it[1]);
    assert_eq!(process.terminate(), Some(0));
}
