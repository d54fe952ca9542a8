//! Promises about finding events and deliveries without reading all that is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use smswatch_model::{EventKind, MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    CommitItem, DeliveryFilter, DeliveryState, EventFilter, NewDelivery, NewEntry, Outcome,
    PageRequest, Priority, Redrive, RouteStep, Shard, Store, Trimmed, shard_of,
};

use super::deliveries::{claim, complete};
use super::history::bounds;
use super::{LONG, StoreFixture, delivery, id_in, put, record, step};

const SHARD: Shard = Shard(0);

/// Appends one entry of `kind` about `id`; its body is its number.
pub(super) async fn append(store: &dyn Store, id: &MessageId, kind: EventKind, number: u32) {
    let shard = shard_of(id.as_str(), store.shard_count());
    let due = store.now(shard).await.expect("the time") + LONG;
    let known = store.load(shard, std::slice::from_ref(id)).await;
    let known = known.expect("a record").remove(0).expect("readable");
    let next = record(due, &number.to_be_bytes());
    let item = CommitItem {
        entry: Some(NewEntry {
            body: number.to_be_bytes().to_vec(),
            kinds: vec![kind],
            about: None,
        }),
        ..put(id, known.as_ref(), Some(&next))
    };
    store
        .commit(shard, &step(vec![item]))
        .await
        .expect("a commit");
}

/// The numbers of all entries that a filter finds, page by page.
pub(super) async fn found(store: &dyn Store, filter: &EventFilter, limit: usize) -> Vec<u32> {
    found_from(store, filter, limit, None).await
}

/// The same from a cursor on.
async fn found_from(
    store: &dyn Store,
    filter: &EventFilter,
    limit: usize,
    mut cursor: Option<String>,
) -> Vec<u32> {
    let mut found = Vec::new();
    loop {
        let request = PageRequest { cursor, limit };
        let page = store.events(filter, &request).await.expect("a page");
        assert!(page.items.len() <= limit);
        let number = |body: Vec<u8>| u32::from_be_bytes(body.try_into().expect("a number"));
        found.extend(page.items.into_iter().map(number));
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

fn of_message(id: &MessageId) -> EventFilter {
    EventFilter {
        message_id: Some(id.clone()),
        kind: None,
    }
}

/// Moves the cursor of a shard behind all of its entries.
async fn route_all(store: &dyn Store, shard: Shard) {
    let slice = store.read_log(shard, 10_000).await.expect("entries");
    let Some(last) = slice.entries.last() else {
        return;
    };
    let step = RouteStep {
        from: slice.cursor,
        to: last.position.clone(),
        entries: u64::try_from(slice.entries.len()).expect("few"),
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: Vec::new(),
    };
    store.route(shard, &step).await.expect("a step");
}

/// Trims the log of a shard until it holds `max` entries.
async fn keep(store: &dyn Store, shard: Shard, max: u64) {
    let bounds = bounds(store, max);
    while store.trim(shard, &bounds).await.expect("a trim") != Trimmed::default() {}
}

/// However many entries of others stand between them, and however many there are; and nothing is
/// read but what is shown.
pub async fn the_events_of_a_message_are_found_among_those_of_others(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let busy = id_in(&*store, SHARD, 1);
    let quiet = id_in(&*store, SHARD, 2);
    let silent = id_in(&*store, SHARD, 3);
    for number in 0..40 {
        append(&*store, &busy, EventKind::StatusChanged, number).await;
        if number % 20 == 0 {
            append(&*store, &quiet, EventKind::StatusChanged, 100 + number).await;
        }
    }
    let all: Vec<u32> = (0..40).rev().collect();
    for limit in [3, 40, 1000] {
        assert_eq!(found(&*store, &of_message(&busy), limit).await, all);
        assert_eq!(found(&*store, &of_message(&quiet), limit).await, [120, 100]);
        assert_eq!(found(&*store, &of_message(&silent), limit).await, [0; 0]);
    }
}

/// An id may have any size and any characters.
pub async fn the_events_of_messages_with_ids_of_any_size_are_found(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let ids = [
        "m".to_owned(),
        "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01".to_owned(),
        "x".repeat(64),
        "y".repeat(200),
        "a:{b}'\"\\%*".to_owned(),
    ]
    .map(|text| MessageId::new(text).expect("a valid id"));
    for (number, id) in (0..).zip(&ids) {
        for round in 0..10 {
            append(&*store, id, EventKind::StatusChanged, 10 * number + round).await;
        }
    }
    for (number, id) in (0..).zip(&ids) {
        let all: Vec<u32> = (10 * number..10 * number + 10).rev().collect();
        assert_eq!(found(&*store, &of_message(id), 4).await, all, "{id}");
    }
}

/// Those of other kinds are not read.
pub async fn events_of_a_rare_kind_are_found_among_the_common_ones(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let of_kind = |kind| EventFilter {
        message_id: None,
        kind: Some(kind),
    };
    for number in 0..60_u32 {
        let id = MessageId::new(format!("m{number}")).expect("a valid id");
        let kind = match number % 30 {
            7 => EventKind::NotFound,
            9 => EventKind::GaveUp,
            _ => EventKind::StatusChanged,
        };
        append(&*store, &id, kind, number).await;
    }
    for limit in [1, 2, 100] {
        let not_found = of_kind(EventKind::NotFound);
        assert_eq!(found(&*store, &not_found, limit).await, [37, 7]);
        let gave_up = of_kind(EventKind::GaveUp);
        assert_eq!(found(&*store, &gave_up, limit).await, [39, 9]);
        let test = of_kind(EventKind::Test);
        assert_eq!(found(&*store, &test, limit).await, [0; 0]);
        let mut every = found(&*store, &EventFilter::default(), limit).await;
        // Those of one millisecond have no order among the shards.
        every.sort_unstable();
        assert_eq!(every, (0..60).collect::<Vec<_>>());
    }
    let news = |name: &'static str, number: u32| {
        let entry = NewEntry {
            body: number.to_be_bytes().to_vec(),
            kinds: vec![EventKind::SinkDown],
            about: None,
        };
        store.put_memo(SHARD, name, None, b"x".to_vec(), vec![entry])
    };
    assert!(news("sink", 70).await.expect("an answer"));
    let sink_down = of_kind(EventKind::SinkDown);
    assert_eq!(found(&*store, &sink_down, 10).await, [70]);
}

/// A cursor leads there at once, whichever kind is wanted.
pub async fn the_events_before_a_moment_are_found_without_those_after_it(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let of_kind = EventFilter {
        message_id: None,
        kind: Some(EventKind::NotFound),
    };
    let mut moments = Vec::new();
    for number in 0..9_u32 {
        let id = MessageId::new(format!("m{number}")).expect("a valid id");
        let kind = match number % 2 {
            0 => EventKind::NotFound,
            _ => EventKind::StatusChanged,
        };
        append(&*store, &id, kind, number).await;
        let appended = store.now(SHARD).await.expect("the time");
        while store.now(SHARD).await.expect("the time") <= appended {
            tokio::task::yield_now().await;
        }
        moments.push(appended + Duration::from_millis(1));
    }
    for (number, moment) in (0..9_u32).zip(moments) {
        let cursor = store.events_before(moment).await.expect("a cursor");
        for filter in [&EventFilter::default(), &of_kind] {
            let expected = (0..=number).rev();
            let expected = expected.filter(|number| filter.kind.is_none() || number % 2 == 0);
            assert_eq!(
                found_from(&*store, filter, 4, Some(cursor.clone())).await,
                expected.collect::<Vec<_>>(),
                "{number}"
            );
        }
    }
    let first = store.events_before(Timestamp::default()).await;
    let none = found_from(&*store, &of_kind, 4, Some(first.expect("a cursor"))).await;
    assert_eq!(none, [0; 0]);
}

/// What a bound removes is in no index either, and what is left is found as before.
pub async fn what_is_trimmed_is_found_no_more_and_the_rest_still_is(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let ids: Vec<_> = (0..3).map(|n| id_in(&*store, SHARD, n)).collect();
    let kind_of = |number| match number % 4 {
        0 => EventKind::NotFound,
        _ => EventKind::StatusChanged,
    };
    for number in 0..36 {
        let id = &ids[usize::try_from(number % 3).expect("small")];
        append(&*store, id, kind_of(number), number).await;
    }
    route_all(&*store, SHARD).await;
    for left in [30, 13, 2, 0] {
        keep(&*store, SHARD, left).await;
        let kept = || (0..36_u32).rev().take(usize::try_from(left).expect("few"));
        for (n, id) in (0..).zip(&ids) {
            let of_this: Vec<u32> = kept().filter(|number| number % 3 == n).collect();
            assert_eq!(found(&*store, &of_message(id), 2).await, of_this);
        }
        let rare = EventFilter {
            message_id: None,
            kind: Some(EventKind::NotFound),
        };
        let of_kind: Vec<u32> = kept().filter(|number| number % 4 == 0).collect();
        assert_eq!(found(&*store, &rare, 2).await, of_kind);
    }
    append(&*store, &ids[0], EventKind::NotFound, 50).await;
    assert_eq!(found(&*store, &of_message(&ids[0]), 2).await, [50]);
}

/// All deliveries that a filter finds, by id.
async fn deliveries(store: &dyn Store, filter: &DeliveryFilter) -> BTreeMap<String, DeliveryState> {
    let (mut found, mut cursor) = (BTreeMap::new(), None);
    loop {
        let request = PageRequest { cursor, limit: 2 };
        let page = store.deliveries(filter, &request).await.expect("a page");
        for delivery in page.items {
            let before = found.insert(delivery.id.to_string(), delivery.state);
            assert_eq!(before, None, "{} was on two pages", delivery.id);
        }
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

/// Wherever they are: waiting, ended, sent again; and no more once they are dropped or trimmed.
pub async fn the_deliveries_of_a_message_are_found_wherever_they_are(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let message = id_in(&*store, SHARD, 1);
    let other = id_in(&*store, SHARD, 2);
    let of = |n, messages: &[&MessageId]| NewDelivery {
        message_ids: messages.iter().copied().cloned().collect(),
        ..delivery(n, "crm", Priority::Normal)
    };
    let new = [
        of(1, &[&message]),
        of(2, &[&other]),
        of(3, &[&other, &message]),
        of(4, &[&message]),
    ];
    store.enqueue_all(SHARD, &new).await.expect("queued");
    store.enqueue_all(SHARD, &new).await.expect("queued before");
    let filter = DeliveryFilter {
        message_ids: vec![message.clone()],
        ..DeliveryFilter::default()
    };
    let states = async |filter: &DeliveryFilter| -> Vec<(u32, DeliveryState)> {
        let found = deliveries(&*store, filter).await.into_iter();
        let number = |id: String| id.rsplit('_').next().and_then(|n| n.parse().ok());
        found
            .map(|(id, state)| (number(id).expect("a number"), state))
            .collect()
    };
    use DeliveryState::{Dead, Delivered, Pending};
    let waiting = [(1, Pending), (3, Pending), (4, Pending)];
    assert_eq!(states(&filter).await, waiting);
    for claimed in claim(&*store, "crm", LONG).await {
        let outcome = match claimed.id == new[0].id {
            true => Outcome::Delivered,
            false => Outcome::Dead,
        };
        assert!(complete(&*store, "crm", &claimed, outcome).await);
    }
    let ended = [(1, Delivered), (3, Dead), (4, Dead)];
    assert_eq!(states(&filter).await, ended);
    let dead = DeliveryFilter {
        state: Some(Dead),
        sink: Some("crm".to_owned()),
        rule: Some("rule".to_owned()),
        ..filter.clone()
    };
    assert_eq!(states(&dead).await, [(3, Dead), (4, Dead)]);
    let redrive = async |n: usize, action| {
        let id = &new[n - 1].id;
        store.redrive_one(id, action, &[Dead]).await.expect("done")
    };
    redrive(3, Redrive::Requeue).await;
    redrive(4, Redrive::Forget).await;
    assert_eq!(states(&filter).await, [(1, Delivered), (3, Pending)]);
    keep(&*store, SHARD, 0).await;
    assert_eq!(states(&filter).await, [(3, Pending)]);
    let of_other = DeliveryFilter {
        message_ids: vec![other],
        ..DeliveryFilter::default()
    };
    assert_eq!(states(&of_other).await, [(3, Pending)]);
}

/// As a page of all of them holds, or page by page, each message's after those of the one before; wherever
/// the messages lie.
pub async fn the_deliveries_of_several_messages_are_found_together(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let ids: Vec<_> = (0..40).map(|n| id_in(&*store, SHARD, n)).collect();
    let of = |n: u32, messages: &[usize]| NewDelivery {
        message_ids: messages.iter().map(|at| ids[*at].clone()).collect(),
        ..delivery(n, "crm", Priority::Normal)
    };
    let new: Vec<_> = (0..120_u32)
        .map(|n| of(n, &[usize::try_from(n / 3).expect("small")]))
        .collect();
    store.enqueue_all(SHARD, &new).await.expect("queued");
    store
        .enqueue_all(SHARD, &[of(500, &[1, 2])])
        .await
        .expect("queued");
    let elsewhere = Shard(store.shard_count() - 1);
    let far = id_in(&*store, elsewhere, 77);
    let away = NewDelivery {
        message_ids: vec![far.clone()],
        ..delivery(600, "crm", Priority::Normal)
    };
    store.enqueue_all(elsewhere, &[away]).await.expect("queued");
    let silent = id_in(&*store, SHARD, 99);
    let filter = DeliveryFilter {
        message_ids: [&silent, &ids[1], &ids[2], &silent, &ids[30], &far]
            .map(MessageId::clone)
            .to_vec(),
        ..DeliveryFilter::default()
    };
    let expected = [3, 4, 5, 6, 7, 8, 90, 91, 92, 500, 500, 600];
    for limit in [1, 2, 3, 1000] {
        let (mut found, mut n_pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let request = PageRequest { cursor, limit };
            let page = store.deliveries(&filter, &request).await.expect("a page");
            assert!(page.items.len() <= limit);
            found.extend(page.items.into_iter().map(|one| one.id));
            n_pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        found.sort();
        let mut wanted: Vec<_> = expected
            .iter()
            .map(|n| delivery(*n, "crm", Priority::Normal).id)
            .collect();
        wanted.sort();
        assert_eq!(found, wanted, "{limit} at once");
        assert!(
            limit < 1000 || n_pages <= 2,
            "a page for each shard is enough"
        );
    }
    let of_all = DeliveryFilter {
        message_ids: ids,
        ..DeliveryFilter::default()
    };
    let request = PageRequest {
        cursor: None,
        limit: 1000,
    };
    let page = store.deliveries(&of_all, &request).await.expect("a page");
    assert_eq!(
        (page.items.len(), page.next),
        (122, None),
        "and those of many in one page"
    );
}

/// Tombstones are no watches: a page goes past however many of them there are.
pub async fn watches_are_found_among_many_removed_ones(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let due = store.now(SHARD).await.expect("the time") + LONG;
    let removed = Record::new(WatchState::Removed, due, b"");
    let ids: Vec<_> = (0..600).map(|n| id_in(&*store, SHARD, n)).collect();
    let items = ids.iter().enumerate().map(|(n, id)| match n % 200 {
        150 => put(id, None, Some(&record(due, b""))),
        _ => put(id, None, Some(&removed)),
    });
    store
        .commit(SHARD, &step(items.collect()))
        .await
        .expect("a commit");
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { cursor, limit: 2 };
        let page = store.watches(&request).await.expect("a page");
        found.extend(page.items.into_iter().map(|(id, _)| id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    found.sort();
    let mut expected: Vec<_> = [150, 350, 550].map(|n: usize| ids[n].clone()).to_vec();
    expected.sort();
    assert_eq!(found, expected);
}
