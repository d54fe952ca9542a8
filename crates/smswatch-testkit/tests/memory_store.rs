//! The store in memory keeps every store's promises, and its clock is the one that a test can pause.

use std::sync::Arc;
use std::time::Duration;

use smswatch_model::Timestamp;
use smswatch_plugin::store::{Records as _, Shard, Store, WatchPriority};
use smswatch_testkit::memory_store::MemoryStore;
use smswatch_testkit::store_suite::StoreFixture;

const START: i64 = 1_777_636_800;

struct Fixture(MemoryStore);

impl Fixture {
    async fn fresh() -> Self {
        Self(MemoryStore::new(Timestamp::from_seconds(START), 4))
    }
}

impl StoreFixture for Fixture {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

smswatch_testkit::store_suite!(Fixture::fresh);

#[tokio::test(start_paused = true)]
async fn its_clock_goes_on_with_paused_time() {
    let store = MemoryStore::new(Timestamp::from_seconds(START), 1);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let now = store.now(Shard(0)).await.expect("the time");
    assert_eq!(now, Timestamp::from_seconds(START + 3600));
    let claimed = store.claim(Shard(0), WatchPriority::New, 1, Duration::ZERO);
    assert_eq!(claimed.await.expect("a claim").now, now);
}
