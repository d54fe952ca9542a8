//! Promises about the event log, its cursor and its trimming.

use std::time::Duration;

use smswatch_plugin::store::{
    Appended, Bound, CommitItem, EventFilter, HistoryBounds, LogPosition, PageRequest, Priority,
    RouteOutcome, RouteStep, SetAside, Shard, Store, Trimmed,
};

use super::{LONG, StoreFixture, delivery, id_in, put, record, step};

const SHARD: Shard = Shard(0);

/// Appends entries `range` to the shard's log, one commit each.
async fn append(store: &dyn Store, range: std::ops::Range<u32>) {
    let due = store.now(SHARD).await.expect("the time") + LONG;
    for n in range {
        let new = record(due, b"");
        let item = put(&id_in(store, SHARD, n), None, Some(&new));
        let item = CommitItem {
            entry: Some(vec![0, 255, u8::try_from(n).expect("few")].into()),
            ..item
        };
        store
            .commit(SHARD, &step(vec![item]))
            .await
            .expect("a commit");
    }
}

fn numbers(bodies: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    bodies.into_iter().map(|body| body[2]).collect()
}

/// Reads up to `limit` entries and moves the cursor behind them.
async fn route(store: &dyn Store, limit: u32) -> u64 {
    let slice = store.read_log(SHARD, limit).await.expect("entries");
    let Some(last) = slice.entries.last() else {
        return 0;
    };
    let entries = u64::try_from(slice.entries.len()).expect("few");
    let to = last.position.clone();
    let step = RouteStep {
        from: slice.cursor,
        to,
        entries,
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: Vec::new(),
    };
    assert_eq!(
        store.route(SHARD, &step).await.expect("a step"),
        RouteOutcome::Done { added: 0 }
    );
    entries
}

/// Entries come in the order of their commits, and only those behind the cursor.
pub async fn the_log_is_read_in_order_behind_the_cursor(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..5).await;
    assert_eq!(store.gauges().await.expect("counts").unrouted, 5);
    let slice = store.read_log(SHARD, 3).await.expect("entries");
    assert_eq!(
        numbers(slice.entries.into_iter().map(|entry| entry.body)),
        [0, 1, 2]
    );
    assert_eq!(route(&*store, 3).await, 3);
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    assert_eq!(
        numbers(slice.entries.into_iter().map(|entry| entry.body)),
        [3, 4]
    );
    assert_eq!(store.gauges().await.expect("counts").unrouted, 2);
}

/// Whoever follows the log reads on behind the last entry that was read; the cursor does not matter.
pub async fn the_log_is_read_on_from_any_place_whatever_is_routed(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let start = store.log_end(SHARD).await.expect("a place");
    let after = async |place: &LogPosition, limit| {
        let entries = store.log_after(SHARD, place, limit).await.expect("entries");
        let place = entries.last().map(|entry| entry.position.clone());
        (numbers(entries.into_iter().map(|entry| entry.body)), place)
    };
    assert_eq!(after(&start, 10).await, (vec![], None));
    append(&*store, 0..5).await;
    assert_eq!(route(&*store, 2).await, 2);
    let (first, place) = after(&start, 3).await;
    assert_eq!(first, [0, 1, 2]);
    let place = place.expect("there were entries");
    let (rest, last) = after(&place, 3).await;
    assert_eq!(rest, [3, 4]);
    let last = last.expect("there were entries");
    assert_eq!(store.log_end(SHARD).await.expect("a place"), last);
    append(&*store, 5..6).await;
    assert_eq!(after(&last, 10).await.0, [5]);
}

/// A commit tells where its entries stand, so that they can be routed without being read; a route
/// step that skips what others appended in between is refused.
pub async fn a_commit_tells_where_its_entries_stand(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..2).await;
    route(&*store, 10).await;
    let due = store.now(SHARD).await.expect("the time") + LONG;
    let commit = async |range: std::ops::Range<u32>| {
        let items = range.map(|n| CommitItem {
            entry: (n != 4).then(|| vec![0, 255, u8::try_from(n).expect("few")].into()),
            ..put(&id_in(&*store, SHARD, n), None, Some(&record(due, b"")))
        });
        let committed = store.commit(SHARD, &step(items.collect())).await;
        committed.expect("a commit").appended
    };
    let first = commit(3..6).await.expect("entries");
    let second = commit(6..7).await.expect("an entry");
    assert_eq!(commit(4..5).await, None, "there is no entry");
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    let positions: Vec<_> = slice.entries.iter().map(|entry| &entry.position).collect();
    assert_eq!(first.after, slice.cursor);
    assert_eq!(first.positions.iter().collect::<Vec<_>>(), positions[..2]);
    assert_eq!(second.after, first.positions[1]);
    assert_eq!(second.positions.iter().collect::<Vec<_>>(), positions[2..]);
    let step = |appended: Appended| RouteStep {
        from: appended.after,
        to: appended.positions.last().expect("an entry").clone(),
        entries: u64::try_from(appended.positions.len()).expect("few"),
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: Vec::new(),
    };
    let early = store.route(SHARD, &step(second.clone())).await;
    assert_eq!(early.expect("an answer"), RouteOutcome::Moved);
    for appended in [first, second] {
        let routed = store.route(SHARD, &step(appended)).await;
        assert_eq!(routed.expect("a step"), RouteOutcome::Done { added: 0 });
    }
    assert_eq!(store.gauges().await.expect("counts").unrouted, 0);
}

/// Of two who route the same entries, one is refused, and queues nothing.
pub async fn a_route_step_refuses_when_the_cursor_has_moved(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..2).await;
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    let step = |n| RouteStep {
        from: slice.cursor.clone(),
        to: slice.entries[1].position.clone(),
        entries: 2,
        deliveries: vec![delivery(n, "crm", Priority::Normal)],
        records: Vec::new(),
        set_aside: vec![aside(&slice.entries[n as usize - 1].position, n)],
    };
    let first = store.route(SHARD, &step(1)).await.expect("a step");
    assert_eq!(first, RouteOutcome::Done { added: 1 });
    assert_eq!(
        store.route(SHARD, &step(2)).await.expect("a step"),
        RouteOutcome::Moved
    );
    assert!(
        store
            .delivery(&delivery(2, "crm", Priority::Normal).id)
            .await
            .expect("none")
            .is_none()
    );
    let kept = store.set_aside().await.expect("a list");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].entry, aside(&slice.entries[0].position, 1));
}

fn aside(position: &LogPosition, n: u32) -> SetAside {
    SetAside {
        position: position.clone(),
        error: format!("error {n} \"quoted\"\nline é"),
        is_newer: false,
        body: vec![0, 255, 10],
    }
}

/// Entries that cannot be routed lie beside the log, newest first, with all that was said of them.
pub async fn what_is_set_aside_is_kept_and_counted(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..3).await;
    let before = store.now(SHARD).await.expect("the time");
    for n in 0..3 {
        let slice = store.read_log(SHARD, 1).await.expect("an entry");
        let position = slice.entries[0].position.clone();
        let step = RouteStep {
            from: slice.cursor,
            to: position.clone(),
            entries: 1,
            deliveries: vec![delivery(n, "crm", Priority::Normal)],
            records: Vec::new(),
            set_aside: vec![aside(&position, n)],
        };
        let outcome = store.route(SHARD, &step).await.expect("a step");
        assert_eq!(outcome, RouteOutcome::Done { added: 1 });
    }
    let kept = store.set_aside().await.expect("a list");
    let errors: Vec<_> = kept.iter().map(|kept| kept.entry.error.clone()).collect();
    let expected = [2, 1, 0].map(|n| aside(&kept[0].entry.position, n).error);
    assert_eq!(errors, expected);
    assert_eq!(
        (kept[0].shard, &kept[0].entry.body[..]),
        (SHARD, &[0, 255, 10][..])
    );
    assert!(kept.iter().all(|kept| kept.at >= before));
    let gauges = store.gauges().await.expect("counts");
    assert_eq!((gauges.set_aside, gauges.unrouted), (3, 0));
}

/// However many there are, only the newest are kept; all are counted.
pub async fn what_is_set_aside_is_bounded(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..1).await;
    let slice = store.read_log(SHARD, 1).await.expect("an entry");
    let position = slice.entries[0].position.clone();
    let many = SetAside::MAX_KEPT + 5;
    let last = u32::try_from(many).expect("few");
    let step = RouteStep {
        from: slice.cursor,
        to: position.clone(),
        entries: 1,
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: (1..=last).map(|n| aside(&position, n)).collect(),
    };
    store.route(SHARD, &step).await.expect("a step");
    let kept = store.set_aside().await.expect("a list");
    assert!(!kept.is_empty() && kept.len() <= SetAside::MAX_KEPT);
    assert_eq!(kept[0].entry, aside(&position, last));
    let gauges = store.gauges().await.expect("counts");
    assert_eq!(gauges.set_aside, u64::from(last));
}

/// Newest first, every entry on one page.
pub async fn events_are_paged_newest_first(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..10).await;
    let every = EventFilter::default();
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest { cursor, limit: 3 };
        let page = store.events(&every, &request).await.expect("a page");
        assert!(page.items.len() <= 3);
        found.extend(numbers(page.items));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    let all = store
        .events(
            &every,
            &PageRequest {
                cursor: None,
                limit: 100,
            },
        )
        .await
        .expect("a page");
    assert_eq!(numbers(all.items), found);
    let strange = PageRequest {
        cursor: Some("strange".to_owned()),
        limit: 3,
    };
    assert!(store.events(&every, &strange).await.is_err());
}

/// However little is to be kept, what is not routed stays.
pub async fn trimming_never_passes_the_cursor(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    append(&*store, 0..6).await;
    route(&*store, 4).await;
    let nothing = Bound {
        keep_for: Duration::ZERO,
        max: 0,
    };
    let bounds = HistoryBounds::all(nothing);
    let mut trimmed = 0;
    loop {
        let step = store.trim(SHARD, &bounds).await.expect("a trim");
        if step == Trimmed::default() {
            break;
        }
        trimmed += step.events;
    }
    assert_eq!(trimmed, 4);
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    assert_eq!(
        numbers(slice.entries.into_iter().map(|entry| entry.body)),
        [4, 5]
    );
}
