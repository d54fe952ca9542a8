//! What became of messages is counted, whatever number of operators and of processes there is.

use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

const OPERATORS: u64 = 30;

#[tokio::test(start_paused = true)]
async fn each_message_is_counted_once_for_its_operator() {
    let world = World::new();
    let sink = Recorder::new(&world, seconds(0));
    let mut engines = Vec::new();
    for _ in 0..2 {
        engines.push(world.start_for(&sink).await);
    }
    for n in 0..20 * OPERATORS {
        let id = format!("m{n}@operator-{}", n % OPERATORS);
        // Over more than one hour, some of them alone in their step.
        let end = if n.is_multiple_of(4) {
            "Undelivered"
        } else {
            "Delivered"
        };
        let fate = vec![(seconds(n), "Sent"), (seconds(n + 8 * n), end)];
        world.watch(&engines[0], &id, fate).await;
    }
    sleep(seconds(4 * 3_600)).await;
    for engine in &engines {
        let stats = engine.service().stats(seconds(5 * 3_600)).await;
        let stats = stats.expect("the store is there");
        assert_eq!(
            (
                stats.total.messages(),
                stats.total.failed(),
                stats.total.delivered()
            ),
            (600, 150, 450)
        );
        let of_operators: Vec<u64> = stats
            .by_operator
            .values()
            .map(|one| one.messages())
            .collect();
        assert_eq!(of_operators, [20; 30]);
        let by_hour: u64 = stats.by_hour.values().map(|one| one.messages()).sum();
        assert_eq!(by_hour, 600);
        assert!(
            stats
                .by_hour
                .values()
                .filter(|one| one.failed() > 0)
                .count()
                > 1
        );
    }
    for engine in engines {
        assert!(engine.stop().await);
    }
}
