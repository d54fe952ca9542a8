//! Promises about processes of several versions on one store: what an earlier one cannot read is there for a later one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::MessageId;
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    ClaimedDeliveries, CommitStep, DeliveryFilter, NewDelivery, Outcome, PageRequest, Pick,
    Priority, Shard, Store, UnreadableRecord,
};

use super::{LONG, add, claim_new, completion, delivery, put, record};

const SHARD: Shard = Shard(0);

/// Changes the bytes of a record.
pub type Change<'c> = dyn for<'a> Fn(&'a mut Vec<u8>) + Sync + 'c;

/// A store of one shard that one process after another opens, and into which other versions write.
#[async_trait]
pub trait VersionsFixture: Send + Sync {
    /// Opens the store for another process. Where only one may have it, it waits for the one before to let it go.
    async fn open(&self) -> Arc<dyn Store>;

    /// Changes the record of a watch where it lies.
    async fn rewrite(&self, message_id: &MessageId, change: &Change<'_>);

    /// Changes the deliveries `dlv_0001` to `dlv_0004`, as far as the store can hold it: attempts, a state, a number
    /// and a name that only a later version can read.
    async fn write_new_words(&self) -> Legible;

    /// Checks that the words of the later version are still there.
    async fn check_new_words(&self);
}

/// What this version can still read of the four deliveries.
#[derive(Debug)]
pub struct Legible {
    /// How many of them can be claimed.
    pub claimed: usize,
    /// Which ones a page shows after one more attempt, newest first, with the attempts that it shows and how many it
    /// counts.
    pub shown: Vec<(&'static str, usize, u32)>,
}

/// Makes one test of each promise; `$fresh` is an async function that makes a [`VersionsFixture`].
#[macro_export]
macro_rules! versions_suite {
    ($fresh:expr) => {
        $crate::store_suite! { $fresh =>
            a_watch_of_a_later_version_outlives_an_earlier_one_and_is_found_by_the_later,
            a_watch_of_every_format_that_is_known_is_claimed,
            deliveries_of_a_later_version_are_offered_once_to_who_starts_later,
            words_of_a_later_version_about_a_delivery_fail_no_page_and_no_attempt,
        }
    };
}

fn id(name: &str) -> MessageId {
    MessageId::new(name).expect("a valid id")
}

fn page_of_ten() -> PageRequest {
    PageRequest {
        cursor: None,
        limit: 10,
    }
}

/// An earlier version claims a watch of a later one no more than once, and shows the others.
pub async fn a_watch_of_a_later_version_outlives_an_earlier_one_and_is_found_by_the_later(
    fixture: &dyn VersionsFixture,
) {
    let earlier = fixture.open().await;
    let now = earlier.now(SHARD).await.expect("the time");
    let (mine, newer) = (id("mine"), id("newer"));
    add(&*earlier, &newer, now).await;
    let before = add(&*earlier, &mine, now).await;
    // A later version has another head, too: nothing of it says anything to an earlier one.
    let head = |record: &mut Vec<u8>| {
        record[0] = 9;
        record[2..8].fill(0xff);
    };
    fixture.rewrite(&newer, &head).await;
    let claimed = claim_new(&*earlier, SHARD, LONG).await;
    assert_eq!(claimed.watches.len(), 1);
    assert_eq!(claimed.unreadable, std::slice::from_ref(&newer));
    assert_eq!(claimed.put_aside, Some(1));
    let after = record(now + LONG, b"polled");
    let finish = CommitStep {
        items: vec![put(&mine, Some(&before), Some(&after))],
        finished: claimed.lease.into_iter().collect(),
    };
    earlier.commit(SHARD, &finish).await.expect("a commit");
    for _ in 0..3 {
        let again = claim_new(&*earlier, SHARD, LONG).await;
        assert!(
            again.watches.is_empty() && again.unreadable.is_empty(),
            "it spins"
        );
    }
    let page = earlier.watches(&page_of_ten()).await.expect("a page");
    assert_eq!(page.items.len(), 1, "a page shows the others");
    let loaded = earlier.load(SHARD, &[mine, newer.clone()]).await;
    let loaded = loaded.expect("records");
    assert!(matches!(loaded[0], Ok(Some(_))));
    assert_eq!(loaded[1], Err(UnreadableRecord));
    drop(earlier);

    // The later version reads it again: here, that is this version and a record of its own.
    let due = now.as_millis().to_be_bytes();
    let head = |record: &mut Vec<u8>| {
        record[0] = Record::FORMAT;
        record[2..8].copy_from_slice(&due[2..]);
    };
    fixture.rewrite(&newer, &head).await;
    let later = fixture.open().await;
    let claimed = claim_new(&*later, SHARD, LONG).await;
    let ids: Vec<_> = claimed.watches.iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [&newer]);
    assert_eq!(claimed.put_aside, Some(0));
}

/// Of this version's formats there are two.
pub async fn a_watch_of_every_format_that_is_known_is_claimed(fixture: &dyn VersionsFixture) {
    let store = fixture.open().await;
    let now = store.now(SHARD).await.expect("the time");
    for (name, format) in [("plain", Record::FORMAT), ("extended", Record::EXTENDED)] {
        add(&*store, &id(name), now).await;
        fixture
            .rewrite(&id(name), &|record| record[0] = format)
            .await;
    }
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!((claimed.watches.len(), claimed.put_aside), (2, Some(0)));
}

async fn claim(store: &dyn Store, limit: u32) -> ClaimedDeliveries {
    let claimed = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(limit), LONG);
    claimed.await.expect("a claim")
}

fn deliveries(count: u32) -> Vec<NewDelivery> {
    let message_ids = vec![id("m1")];
    let of_one_message = |n| NewDelivery {
        message_ids: message_ids.clone(),
        ..delivery(n, "crm", Priority::Normal)
    };
    (1..=count).map(of_one_message).collect()
}

/// What a process leaves to a later version is offered to each that starts later, in the order of its age.
pub async fn deliveries_of_a_later_version_are_offered_once_to_who_starts_later(
    fixture: &dyn VersionsFixture,
) {
    let earlier = fixture.open().await;
    let new = deliveries(200);
    earlier.enqueue_all(SHARD, &new).await.expect("queued");
    let claimed = claim(&*earlier, 1000).await;
    let left = claimed.deliveries.iter();
    let left: Vec<_> = left.map(|one| completion(one, Outcome::Left)).collect();
    earlier.complete(SHARD, "crm", &left).await.expect("done");
    let left_at = earlier.now(SHARD).await.expect("the time");
    let meanwhile = Duration::from_millis(50);
    while earlier.now(SHARD).await.expect("the time") < left_at + meanwhile {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let again = claim(&*earlier, 1000).await;
    assert_eq!((again.deliveries.len(), again.left), (0, 200), "it spins");
    drop(earlier);

    let later = fixture.open().await;
    let mut found = Vec::new();
    loop {
        let offered = claim(&*later, 1).await;
        if offered.deliveries.is_empty() {
            assert_eq!(offered.left, 0);
            break;
        }
        found.extend(offered.deliveries);
    }
    assert_eq!(found.len(), 200);
    let queued_at = claimed.deliveries[0].queued_at + meanwhile;
    assert!(
        found.iter().all(|one| one.queued_at >= queued_at),
        "the time for which they were left counts"
    );
    assert!(found.iter().all(|one| one.body == new[0].body));
    let done = found.iter();
    let done: Vec<_> = done
        .map(|one| completion(one, Outcome::Delivered))
        .collect();
    let done = later.complete(SHARD, "crm", &done).await;
    assert_eq!(done.expect("done").done, vec![true; 200]);
}

/// Deliveries of which only a later version can read everything are shown and attempted all the same.
pub async fn words_of_a_later_version_about_a_delivery_fail_no_page_and_no_attempt(
    fixture: &dyn VersionsFixture,
) {
    let store = fixture.open().await;
    let new = deliveries(4);
    store.enqueue_all(SHARD, &new).await.expect("queued");
    let legible = fixture.write_new_words().await;
    let claimed = claim(&*store, 10).await.deliveries;
    assert_eq!(claimed.len(), legible.claimed);
    let retries = claimed.iter();
    let retries: Vec<_> = retries
        .map(|one| completion(one, Outcome::Retry(LONG)))
        .collect();
    let done = store.complete(SHARD, "crm", &retries).await;
    assert_eq!(done.expect("done").done, vec![true; legible.claimed]);
    for message_ids in [Vec::new(), vec![id("m1")]] {
        let filter = DeliveryFilter {
            message_ids,
            ..DeliveryFilter::default()
        };
        let page = store.deliveries(&filter, &page_of_ten()).await;
        let items = page.expect("a page").items;
        let shown: Vec<_> = items
            .iter()
            .map(|one| (one.id.as_str(), one.attempts.len(), one.attempts_made))
            .collect();
        assert_eq!(shown, legible.shown);
    }
    fixture.check_new_words().await;
}
