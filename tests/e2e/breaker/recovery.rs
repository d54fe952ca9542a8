//! What has waited for a sink goes out in its order once its receiver works, and is not wasted on one
//! that does not.

use super::*;

/// Has deliveries wait behind the open breaker of `crm`, which nothing but a person has probed: those
/// that opened it, and those of `more` messages.
async fn park(stage: &Stage, process: &Process, more: &[(usize, Fate)]) -> usize {
    stage.webhook.answer_always(Answer::status(500));
    stage.watch(process, FAILURES, Fate::Delivered);
    stage.ops.wait_for(1).await;
    for (n, fate) in more {
        stage.watch(process, *n, *fate);
    }
    let all = FAILURES + more.iter().map(|(n, _)| n).sum::<usize>();
    until("all wait", async || pending(process, "crm") == all as u64).await;
    all
}

/// One attempt at a time: then they arrive in the order in which they begin.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_goes_first_from_all_shards_when_a_sink_recovers() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let process = Process::start(&config_with(&stage, 1, &redis.url(), "1h", &[]));
    let more = [(40, Fate::Delivered), (40, Fate::Undelivered)];
    let all = park(&stage, &process, &more).await;

    stage.webhook.answer_always(Answer::status(200));
    let before = stage.webhook.requests().len();
    process.json(&["sink", "resume", "crm"]);
    let arrived = stage.webhook.wait_for(before + all).await.split_off(before);
    let is_critical = |request: &Request| request.json()["data"]["severity"] == "critical";
    let (first, others) = arrived.split_at(40);
    assert!(first.iter().all(is_critical));
    assert!(!others.iter().any(is_critical));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_probes_neither_keep_a_breaker_open_nor_use_up_what_waits() {
    let stage = Stage::new().await;
    let process = Process::start(&config(&stage, &stage.sqlite(), "1h", &[]));
    let all = park(&stage, &process, &[(20, Fate::Delivered)]).await;

    stage.webhook.answer_always(Answer::status(422));
    let before = stage.webhook.requests().len();
    process.json(&["sink", "resume", "crm"]);
    stage.webhook.wait_for(before + 5).await;
    goes_on(&process).await;
    assert_eq!(stage.webhook.requests().len(), before + 5);
    assert_eq!(pending(&process, "crm"), all as u64);
    assert!(is_open(&process).await);

    stage.webhook.answer_always(Answer::status(200));
    stage.webhook.answer_next(Answer::status(422));
    process.json(&["sink", "resume", "crm"]);
    until("all arrive", async || pending(&process, "crm") == 0).await;
    let dead = process.json(&["dead", "list"]);
    assert_eq!(dead.as_array().map(Vec::len), Some(0), "none was used up");
    let told = stage.ops.wait_for(2).await;
    assert_eq!(told[1].json()["type"], "smswatch.sink_recovered");
    let [down, recovered] = [0, 1].map(|place| told[place].json()["data"].clone());
    assert_ne!(down["rule"], recovered["rule"]);
    assert_eq!(down["key"], recovered["key"], "one incident");
    let [down, recovered] = [down, recovered].map(|data| data["events"][0].clone());
    assert_eq!(recovered["ends"], down["event_id"]);
    for event in [down, recovered] {
        let message = &event["message"];
        let told = [&event["fault"], &message["outcome"], &message["part_count"]];
        assert_eq!(told, [&Value::Null; 3], "nothing is known of them");
    }
    assert_eq!(told.len(), 2, "each is told once");
    assert_eq!(process.terminate(), Some(0));
}

/// What failed before is due in an hour only, and nothing else is there to probe with.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_sink_is_probed_and_gets_what_failed_however_late_it_would_be_tried_again() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    for store in [stage.sqlite(), redis.url()] {
        let config = config(&stage, &store, "200ms", &[]);
        never_give_up(&config, "1h");
        let process = Process::start(&config);
        let told = stage.ops.requests().len();
        let all = park(&stage, &process, &[]).await;
        let failed = stage.webhook.requests().len();
        stage.webhook.wait_for(failed + 2).await;

        stage.webhook.answer_always(Answer::status(200));
        until("all arrive", async || pending(&process, "crm") == 0).await;
        assert_eq!(
            process.json(&["dead", "list"]).as_array().map(Vec::len),
            Some(0)
        );
        let news = stage.ops.wait_for(told + 2).await;
        assert_eq!(news[told + 1].json()["type"], "smswatch.sink_recovered");
        assert!(all > 1, "one of them was enough to probe with");
        assert_eq!(process.terminate(), Some(0));
    }
}

/// The note that a breaker shares, as another process finds it when the one that closed it was killed
/// before what waits was made due.
fn closed_and_not_made_due(mut note: Value, now: &str) -> Vec<u8> {
    note["open"] = Value::Null;
    note["failures"] = 0.into();
    note["to_hasten"] = now.into();
    let mut bytes = vec![1];
    serde_json::to_writer(&mut bytes, &note).expect("JSON");
    bytes
}

/// What failed before is due in an hour; that it is to be made due stands in the note alone.
async fn a_kill_between_closing_and_making_due_leaves_nothing_lying<F>(
    stage: &Stage,
    url: &str,
    open: impl Fn() -> F,
) where
    F: Future<Output = std::sync::Arc<dyn smswatch_plugin::store::Store>>,
{
    let config = config(stage, url, "1h", &[]);
    never_give_up(&config, "1h");
    let process = Process::start(&config);
    let all = park(stage, &process, &[]).await;
    process.kill();

    let store = open().await;
    let shard = smswatch_plugin::store::shard_of("crm", store.shard_count());
    let memo = store.memo(shard, "sink:crm").await.expect("an answer");
    let memo = memo.expect("it is down");
    let note: Value = serde_json::from_slice(&memo.value[1..]).expect("JSON");
    assert!(note["open"].is_object(), "{note}");
    let now = store.now(shard).await.expect("the time").to_string();
    let note = closed_and_not_made_due(note, &now);
    let put = store.put_memo(shard, "sink:crm", Some(memo.version), note, Vec::new());
    assert!(put.await.expect("an answer"));
    drop(store);

    stage.webhook.answer_always(Answer::status(200));
    let process = Process::start(&config);
    until("all arrive", async || pending(&process, "crm") == 0).await;
    let arrived = ids(&stage.webhook.requests()).len();
    assert_eq!(arrived, all);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_kill_between_closing_and_making_due_leaves_nothing_lying() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let open = || crate::versions::open_redis(redis.url());
    a_kill_between_closing_and_making_due_leaves_nothing_lying(&stage, &redis.url(), open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_kill_between_closing_and_making_due_leaves_nothing_lying() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("store.db");
    let open = || crate::versions::open_sqlite(&path);
    a_kill_between_closing_and_making_due_leaves_nothing_lying(&stage, &stage.sqlite(), open).await;
}

/// What is critical waits for a free attempt for a second, and then for one of another replica: not for as
/// long as this one's attempts hang.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_does_not_wait_for_attempts_that_hang_here_while_another_replica_is_free()
{
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = config_with(&stage, 1, &redis.url(), "1h", &[]);
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace(
        "    concurrency: 1\n",
        "    concurrency: 1\n    timeout: 35s\n",
    );
    std::fs::write(&config, text).expect("a file");
    let hanging = Process::start(&config);
    stage.webhook.answer_next(Answer::hang());
    stage.watch(&hanging, 1, Fate::Undelivered);
    let first = ids(&stage.webhook.wait_for(1).await);
    stage.watch(&hanging, 1, Fate::Undelivered);
    until("both are queued", async || pending(&hanging, "crm") == 2).await;
    let free = Process::start(&config);
    let both = ids(&stage.webhook.wait_for(2).await);
    assert_eq!(both.difference(&first).count(), 1, "it is the other one");
    let (_, waiting) = ask::json(&free, "/v1/deliveries?sink=crm&state=pending").await;
    let waiting = waiting["items"].as_array().expect("items");
    let hangs = waiting
        .iter()
        .find(|item| item["id"].as_str().is_some_and(|id| first.contains(id)));
    let hangs = hangs.expect("it is still being attempted");
    assert_eq!(
        hangs["attempts_made"], 0,
        "nobody waited until it had ended"
    );
    for process in [free, hanging] {
        process.kill();
    }
}
