//! A sink's rate slows its deliveries down, in all replicas together, and stops none.

use crate::fleet::Fleet;
use crate::process::Process;

/// Permits come further apart than a claimed delivery may wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slow_rate_arrives_one_by_one() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[100ms]", "shutdown_timeout: 1s");
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace(
        "timeout: 5s",
        "timeout: 5s\n    rate: {at_most: 1, per: 6s}",
    );
    std::fs::write(&config, text).expect("a file");
    let replicas = [Process::start(&config), Process::start(&config)];
    let ids = fleet.watch_held(&replicas[0], 4).await;
    fleet.end(&ids);
    let told = fleet.told(&ids).await;
    assert!(told.values().all(|deliveries| deliveries.len() == 1));
    for replica in replicas {
        assert_eq!(replica.terminate(), Some(0));
    }
}
