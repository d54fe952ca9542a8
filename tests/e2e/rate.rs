//! Rates hold for all replicas together: that of the provider, and a sink's, which slows its
//! deliveries down and stops none.

use std::time::Instant;

use crate::fleet::Fleet;
use crate::process::Process;
use crate::replicas::polls;

/// Whether `count` in the time since `began` is within a rate, and one second's worth at once.
fn keeps(count: usize, per_second: u32, began: Instant) -> bool {
    let count = u32::try_from(count).expect("not that many");
    let most = f64::from(per_second) * (began.elapsed().as_secs_f64() + 1.0);
    f64::from(count) <= most
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_together_ask_the_provider_no_more_often_than_allowed() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "");
    let text = std::fs::read_to_string(&config).expect("a file");
    let slow = "requests_per_second: 20";
    let text = text.replace("requests_per_second: 2000", slow);
    std::fs::write(&config, text).expect("a file");
    let replicas = [Process::start(&config), Process::start(&config)];
    let began = Instant::now();
    let ids = fleet.watch_held(&replicas[0], 100).await;
    fleet.polled(&ids, 2).await;
    let reports = ids.iter().map(|id| fleet.sim.message(id));
    let made: u64 = reports
        .map(|report| report.expect("it is known").polls)
        .sum();
    let made = usize::try_from(made).expect("not that many");
    assert!(keeps(made, 20, began), "{made} in {:?}", began.elapsed());
    for replica in &replicas {
        assert!(polls(replica).await > 0, "one of them had no part in it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_together_tell_a_sink_no_more_often_than_its_rate() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "");
    let text = std::fs::read_to_string(&config).expect("a file");
    let slow = "timeout: 30s\n    rate: {at_most: 5, per: 1s}";
    let slowed = text.replace("timeout: 30s", slow);
    assert_ne!(slowed, text);
    std::fs::write(&config, slowed).expect("a file");
    let replicas = [Process::start(&config), Process::start(&config)];
    let ids = fleet.watch_held(&replicas[0], 60).await;
    let began = Instant::now();
    fleet.end(&ids);
    let told = fleet.told(&ids).await;
    let requests = fleet.webhook.requests().len();
    let elapsed = began.elapsed();
    assert!(keeps(requests, 5, began), "{requests} in {elapsed:?}");
    assert!(told.values().all(|deliveries| deliveries.len() == 1));
    drop(replicas);
}

/// Permits come further apart than a claimed delivery may wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slow_rate_arrives_one_by_one() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "shutdown_timeout: 1s");
    let text = std::fs::read_to_string(&config).expect("a file");
    let slow = "timeout: 30s\n    rate: {at_most: 1, per: 6s}";
    let slowed = text.replace("timeout: 30s", slow);
    assert_ne!(slowed, text);
    std::fs::write(&config, slowed).expect("a file");
    let replicas = [Process::start(&config), Process::start(&config)];
    let ids = fleet.watch_held(&replicas[0], 4).await;
    fleet.end(&ids);
    let told = fleet.told(&ids).await;
    assert!(told.values().all(|deliveries| deliveries.len() == 1));
    for replica in replicas {
        assert_eq!(replica.terminate(), Some(0));
    }
}
