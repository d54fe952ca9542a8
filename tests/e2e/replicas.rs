//! Replicas share the work, take over from the dead, and can be replaced one by one.

use crate::fleet::Fleet;
use crate::process::Process;

/// How many looks a process has made, by its own count.
async fn looks(process: &Process) -> u64 {
    let metrics = reqwest::get(format!("{}/metrics", process.url)).await;
    let text = metrics.expect("an answer").text().await.expect("metrics");
    let count = text.lines().find_map(|line| {
        line.strip_prefix("smswatch_polls_total{result=\"seen\"} ")?
            .parse()
            .ok()
    });
    count.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_share_the_work_and_the_last_one_finishes_it() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[2s]", "");
    let replicas = [(); 3].map(|()| Process::start(&config));
    let ids = fleet.watch_held(&replicas[0], 600).await;

    fleet.polled(&ids, 5).await;
    for id in &ids {
        let polls = fleet.sim.message(id).expect("it is known").poll_times_ms;
        let is_twice = |pair: &[i64]| pair[1] - pair[0] < 1_000;
        assert!(
            !polls.windows(2).any(is_twice),
            "{id} was polled twice for one due time: {polls:?}"
        );
    }
    let mut made = Vec::new();
    for replica in &replicas {
        made.push(looks(replica).await);
    }
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
        // The one that just took registrations goes, amid its looks and deliveries.
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
