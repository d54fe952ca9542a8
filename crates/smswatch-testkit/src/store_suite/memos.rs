//! Promises about memos.

use futures::future::join_all;
use smswatch_plugin::store::{Memo, NewEntry, Shard};

use super::StoreFixture;

const SHARD: Shard = Shard(0);

/// A memo changes only over the version that was expected, and tells its next one.
pub async fn a_memo_is_written_only_over_the_version_that_was_expected(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let put = async |expected, value: &[u8]| {
        let put = store.put_memo(SHARD, "a b:{c}\u{e9}", expected, value.to_vec(), Vec::new());
        put.await.expect("an answer")
    };
    let read = async || {
        let memo = store.memo(SHARD, "a b:{c}\u{e9}").await.expect("an answer");
        memo.map(|Memo { version, value }| (version, value))
    };
    assert_eq!(read().await, None);
    assert!(!put(Some(1), b"early").await);
    assert!(put(None, b"\x00one\xff").await);
    assert!(!put(None, b"again").await);
    let (first, value) = read().await.expect("a memo");
    assert_eq!(value, b"\x00one\xff");
    assert!(put(Some(first), b"").await);
    assert!(!put(Some(first), b"late").await);
    let (second, value) = read().await.expect("a memo");
    assert_ne!(first, second);
    assert_eq!(value, b"");
    assert_eq!(store.memo(SHARD, "another").await.expect("an answer"), None);
}

/// Log entries are appended with the change, or not at all.
pub async fn a_memo_and_its_log_entries_are_written_together(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let bodies = |n: u8| vec![vec![0, 255, n], vec![n]];
    let entries = |n| bodies(n).into_iter().map(NewEntry::from).collect();
    let put = store.put_memo(SHARD, "memo", None, b"x".to_vec(), entries(1));
    assert!(put.await.expect("an answer"));
    let refused = store.put_memo(SHARD, "memo", None, b"y".to_vec(), entries(2));
    assert!(!refused.await.expect("an answer"));
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    let found: Vec<_> = slice.entries.into_iter().map(|entry| entry.body).collect();
    assert_eq!(found, bodies(1));
    assert_eq!(store.gauges().await.expect("counts").unrouted, 2);
}

/// Of many who change a memo at once, one does.
pub async fn one_of_many_changes_of_a_memo_takes_place(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let puts =
        (0..20_u8).map(|n| store.put_memo(SHARD, "memo", None, vec![n], vec![vec![n].into()]));
    let puts = join_all(puts).await;
    let winners: Vec<_> = (0..20_u8)
        .zip(puts)
        .filter_map(|(n, put)| put.expect("an answer").then_some(n))
        .collect();
    let memo = store.memo(SHARD, "memo").await.expect("an answer");
    assert_eq!(winners, memo.expect("a memo").value);
    assert_eq!(store.gauges().await.expect("counts").unrouted, 1);
}
