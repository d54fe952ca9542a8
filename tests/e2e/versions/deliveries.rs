//! Deliveries that a later version wrote wait for it, in nobody's way.

use smswatch_plugin::model::DeliveryId;
use smswatch_plugin::store::{
    Attempt, Completion, DeliveryFilter, DeliveryState, NewDelivery, Outcome, PageRequest, Pick,
    Priority, StoredDelivery,
};

use super::*;
use crate::ask::{self, until};

/// How many deliveries the later version has queued.
const NEWER: usize = 600;

const SHARD: Shard = Shard(0);

async fn delivered(store: &dyn Store) -> StoredDelivery {
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Delivered),
        sink: Some("crm".to_owned()),
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        cursor: None,
        limit: 1,
    };
    let page = store.deliveries(&filter, &page).await.expect("a page");
    page.items.into_iter().next().expect("one was delivered")
}

/// A delivery like `known`, of another name, whose body is what `change` makes of it.
fn like(known: &StoredDelivery, name: &str, change: impl FnOnce(String) -> Vec<u8>) -> NewDelivery {
    let body = String::from_utf8(known.body.clone()).expect("text");
    NewDelivery {
        id: DeliveryId::new(name).expect("a valid id"),
        sink: known.sink.clone(),
        rule: known.rule.clone(),
        priority: Priority::Critical,
        message_ids: known.message_ids.clone(),
        body: change(body.replace(known.id.as_str(), name)),
        suppressed: None,
    }
}

/// What a later version says in words that this one does not know, and in a format of its own.
fn newer(known: &StoredDelivery, n: usize) -> NewDelivery {
    let other_word = |body: String, from: &str, to: &str| {
        let changed = body.replace(from, to);
        assert_ne!(changed, body, "{from} is not in it");
        changed.into_bytes()
    };
    let mut newer = like(known, &format!("dlv_newer_{n:04}"), |body| match n % 3 {
        0 => [&[9], &body.as_bytes()[1..]].concat(),
        1 => other_word(body, r#""severity":"critical""#, r#""severity":"panic""#),
        _ => other_word(body, "sms.status_changed", "sms.carried_by_pigeon"),
    });
    if n >= NEWER / 2 {
        newer.priority = Priority::Normal;
    }
    newer
}

async fn deliveries_of_a_later_version_wait_for_it<F: Future<Output = Arc<dyn Store>>>(
    stage: &Stage,
    url: &str,
    lock: Option<&Path>,
    open: impl Fn() -> F,
) {
    let config = stage.config(url);
    // Its queue is full long before the later version's deliveries are all in it.
    let text = std::fs::read_to_string(&config).expect("a file");
    let bounded = text.replace(
        "allow_private: true}",
        "allow_private: true, queue: {max: 20}}",
    );
    assert_ne!(bounded, text);
    std::fs::write(&config, bounded).expect("a file");
    let process = Process::start(&config);
    let first = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &first])["accepted"], 1);
    stage.webhook.wait_for(1).await;
    until("it is noted", async || {
        let list = ask::text(&process, "/v1/deliveries?sink=crm&state=delivered").await;
        list.contains("dlv_")
    })
    .await;
    assert_eq!(process.json(&["sink", "pause", "crm"])["state"], "paused");
    assert_eq!(process.terminate(), Some(0));

    // A later version comes and goes.
    let store = open().await;
    let known = delivered(&*store).await;
    let written: Vec<_> = (0..NEWER).map(|n| newer(&known, n)).collect();
    let added = store.enqueue_all(SHARD, &written).await;
    assert_eq!(added.expect("queued"), NEWER as u64);
    let mine = like(&known, "dlv_mine", String::into_bytes);
    store.enqueue(SHARD, mine).await.expect("queued");
    close(store, lock).await;

    let process = Process::start(&config);
    until(
        "those are left that would be given up to make room",
        async || {
            let status = process.json(&["status"]);
            let queues = status["queues"].as_array().expect("queues").clone();
            let crm = queues.iter().find(|queue| queue["sink"] == "crm");
            crm.is_some_and(|crm| crm["left"] == 300)
        },
    )
    .await;
    assert_eq!(
        process.json(&["sink", "resume", "crm"])["state"],
        "delivering"
    );
    let told = stage.webhook.wait_for(2).await;
    assert_eq!(told[1].header("webhook-id"), Some("dlv_mine"));
    until("all of them are found", async || {
        let metrics = ask::metrics(&process).await;
        metrics.contains("smswatch_deliveries_left{sink=\"crm\"} 600\n")
    })
    .await;
    let ready = ask::text(&process, "/readyz").await;
    assert!(
        ready.contains("600 deliveries are left to a later version"),
        "{ready}"
    );
    let status = process.json(&["status"]);
    let queues = status["queues"].as_array().expect("queues");
    let crm = queues.iter().find(|queue| queue["sink"] == "crm");
    let crm = crm.expect("it has a queue");
    assert_eq!(
        (&crm["pending"], &crm["left"], &crm["dead"]),
        (&0.into(), &600.into(), &0.into())
    );
    let status = String::from_utf8(process.ask(&["status"]).stdout).expect("text");
    assert!(status.contains("LEFT"), "{status}");
    let (_, list) = ask::json(&process, "/v1/deliveries?state=pending&limit=1000").await;
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), NEWER);
    assert!(
        items
            .iter()
            .all(|item| item["reason"] == "later_version" && item["attempts_made"] == 0)
    );
    let other = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &other])["accepted"], 1);
    stage.webhook.wait_for(3).await;
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    assert_eq!(process.terminate(), Some(0));

    // The later version reads them again.
    let store = open().await;
    let (mut found, mut done) = (Vec::new(), Vec::new());
    let mut priorities = Priority::ALL.into_iter().peekable();
    while let Some(priority) = priorities.peek() {
        let lease = Duration::from_secs(600);
        let claim = store.claim_deliveries(SHARD, "crm", *priority, Pick::Due(1000), lease);
        let claimed = claim.await.expect("a claim");
        if claimed.deliveries.is_empty() {
            assert_eq!(claimed.left, 0);
            priorities.next();
        }
        for one in claimed.deliveries {
            assert_eq!(one.attempts_made, 0);
            found.push((one.id.clone(), one.body));
            done.push(Completion {
                id: one.id,
                token: one.token,
                outcome: Outcome::Delivered,
                attempt: Attempt {
                    at: claimed.now,
                    result: "delivered".to_owned(),
                    detail: String::new(),
                },
                fallback: None,
            });
        }
    }
    found.sort();
    let written = written.into_iter().map(|one| (one.id, one.body));
    assert!(found == written.collect::<Vec<_>>(), "nothing is lost");
    let done = store.complete(SHARD, "crm", &done).await;
    assert_eq!(done.expect("completed").done, vec![true; NEWER]);
    close(store, lock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_deliveries_of_a_later_version_wait_for_it() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let open = || open_redis(redis.url());
    deliveries_of_a_later_version_wait_for_it(&stage, &redis.url(), None, open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_deliveries_of_a_later_version_wait_for_it() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("store.db");
    let lock = stage.directory.path().join("store.db.lock");
    let url = format!("sqlite:{}", path.display());
    let open = || open_sqlite(&path);
    deliveries_of_a_later_version_wait_for_it(&stage, &url, Some(&lock), open).await;
}

/// The later version's note of whether a sink takes deliveries stays as it is, and stops nothing here.
#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_of_a_later_version_is_left_to_it_and_stops_no_delivery() {
    let stage = Stage::with_mail().await;
    let redis = RedisServer::start();
    let config = stage.config(&redis.url());
    let open = || open_redis(redis.url());
    let store = open().await;
    let shard = smswatch_plugin::store::shard_of("crm", store.shard_count());
    let memo = b"\x09whatever it says".to_vec();
    let put = store.put_memo(shard, "sink:crm", None, memo.clone(), Vec::new());
    assert!(put.await.expect("an answer"));
    let process = Process::start(&config);
    let id = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    stage.webhook.wait_for(1).await;
    // What this version finds out holds for its own processes.
    assert_eq!(process.json(&["sink", "pause", "crm"])["state"], "paused");
    let id = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    stage.mail().wait_for(2).await;
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(
        process.json(&["sink", "resume", "crm"])["state"],
        "delivering"
    );
    stage.webhook.wait_for(2).await;
    assert_eq!(process.terminate(), Some(0));
    let kept = store.memo(shard, "sink:crm").await.expect("a memo");
    assert_eq!(kept.expect("it is there").value, memo);
}
