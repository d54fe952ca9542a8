//! SIGTERM ends the program in time, whatever its sinks do, and nothing is forgotten.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use routee_sim::{Fate, FaultKind, FaultRule};
use smswatch_testkit::proxy::Proxy;
use smswatch_testkit::receiver::Answer;

use crate::fleet::{Fleet, deliveries};
use crate::outage::readiness;
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

/// What a machine that has little time for a process may add to its `shutdown_timeout`; less than any of the sinks and
/// stores of these tests would add that held up an end.
const MARGIN: Duration = Duration::from_secs(25);

/// Ends a process whose `shutdown_timeout` is `timeout`, and measures that it ends in time.
fn end_within(timeout: Duration, process: Process) {
    let began = Instant::now();
    assert_eq!(process.terminate(), Some(0));
    let took = began.elapsed();
    assert!(took < timeout + MARGIN, "it took {took:?}");
}

const THREE_SECONDS: Duration = Duration::from_secs(3);

/// One attempt at a time, on a sink that may take longer than a test waits: what it holds is not had
/// by the end of its lease.
fn slow_sink(fleet: &Fleet) -> PathBuf {
    let config = fleet.config("[100ms]", "shutdown_timeout: 10s");
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace("timeout: 30s", "timeout: 35s\n    concurrency: 1");
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
    end_within(Duration::from_secs(10), process);

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

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_holds_up_no_end() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "shutdown_timeout: 3s");
    let process = Process::start(&config);
    fleet.sim.add_fault(FaultRule {
        kind: FaultKind::Hang { ms: 3_600_000 },
        ..FaultRule::default()
    });
    let ids = fleet.watch_held(&process, 3).await;
    fleet.polled(&ids, 1).await;
    end_within(THREE_SECONDS, process);

    fleet.sim.clear_faults();
    let process = Process::start(&config);
    fleet.end(&ids);
    let told = fleet.told(&ids).await;
    assert!(told.values().all(|deliveries| deliveries.len() == 1));
    end_within(THREE_SECONDS, process);
}

/// Ends a process amid its work while its Redis does not answer, in one way or another; the next one
/// tells everything under the same ids.
async fn a_redis_that_is_away_holds_up_no_end(away: impl Fn(&Proxy)) {
    let (fleet, proxy, config) = Fleet::behind_a_proxy().await;
    let process = Process::start(&config);
    let slow = Answer::status(200).delay(Duration::from_millis(200));
    fleet.webhook.answer_always(slow);
    let ids = fleet.watch_held(&process, 100).await;
    fleet.polled(&ids, 1).await;
    fleet.end(&ids);
    fleet.webhook.wait_for(1).await;
    away(&proxy);
    readiness(&process, 503).await;
    end_within(THREE_SECONDS, process);

    proxy.open();
    let process = Process::start(&config);
    let told = fleet.told(&ids).await;
    for (id, deliveries) in told {
        let first = &deliveries[0];
        assert!(
            deliveries.iter().all(|again| again == first),
            "{id} came as {deliveries:?}"
        );
    }
    end_within(THREE_SECONDS, process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_has_gone_holds_up_no_end() {
    a_redis_that_is_away_holds_up_no_end(Proxy::close).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_stalled_holds_up_no_end() {
    a_redis_that_is_away_holds_up_no_end(Proxy::stall).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_stalled_at_the_start_is_waited_for_and_holds_up_no_end() {
    let (fleet, proxy, config) = Fleet::behind_a_proxy().await;
    proxy.stall();
    let process = Process::start_saying(&config, "waits for its store; ");
    readiness(&process, 503).await;
    proxy.open();
    readiness(&process, 200).await;
    let ids = fleet.watch_held(&process, 1).await;
    fleet.end(&ids);
    fleet.told(&ids).await;
    end_within(THREE_SECONDS, process);

    proxy.stall();
    let process = Process::start_saying(&config, "waits for its store; ");
    end_within(THREE_SECONDS, process);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clean_end_the_file_of_sqlite_holds_everything_by_itself() {
    let stage = Stage::new().await;
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let process = Process::start(&config);
    let id = stage.message(Fate::CarrierViolation);
    process.json(&["watch", &id]);
    stage.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));
    let files = std::fs::read_dir(stage.directory.path()).expect("a folder");
    let names = files.map(|file| file.expect("a file").file_name().into_string());
    let beside: Vec<_> = names
        .filter_map(Result::ok)
        .filter(|name| name.ends_with("-wal") || name.ends_with("-shm"))
        .collect();
    assert_eq!(beside, Vec::<String>::new());
}
