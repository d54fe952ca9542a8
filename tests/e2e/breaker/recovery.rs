//! What has waited for a sink goes out in its order once its receiver works, and is not wasted on one
//! that does not.

use super::*;

/// Has deliveries wait behind the open breaker of `crm`, which nothing but a person has probed: those
/// that opened it, and those of `more` messages.
async fn park(stage: &Stage, process: &Process, more: &[(usize, Fate)]) -> usize {
    stage.crm.answer_always(Answer::status(500));
    stage.watch(process, FAILURES);
    stage.ops.wait_for(1).await;
    for (n, fate) in more {
        stage.watch_fate(process, *n, *fate);
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
    let process = Process::start(&stage.config_with(1, &redis.url(), "1h", &[]));
    let more = [(40, Fate::Delivered), (40, Fate::Undelivered)];
    let all = park(&stage, &process, &more).await;

    stage.crm.answer_always(Answer::status(200));
    let before = stage.crm.requests().len();
    process.json(&["sink", "resume", "crm"]);
    let arrived = stage.crm.wait_for(before + all).await.split_off(before);
    let is_critical = |request: &Request| request.json()["data"]["severity"] == "critical";
    let (first, others) = arrived.split_at(40);
    assert!(first.iter().all(is_critical));
    assert!(!others.iter().any(is_critical));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_probes_neither_keep_a_breaker_open_nor_use_up_what_waits() {
    let stage = Stage::new().await;
    let process = Process::start(&stage.config(&stage.sqlite(), "1h", &[]));
    let all = park(&stage, &process, &[(20, Fate::Delivered)]).await;

    stage.crm.answer_always(Answer::status(422));
    let before = stage.crm.requests().len();
    process.json(&["sink", "resume", "crm"]);
    stage.crm.wait_for(before + 5).await;
    // It looks for work at least that often.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.crm.requests().len(), before + 5);
    assert_eq!(pending(&process, "crm"), all as u64);
    assert!(is_open(&process).await);

    stage.crm.answer_always(Answer::status(200));
    stage.crm.answer_next(Answer::status(422));
    process.json(&["sink", "resume", "crm"]);
    until("all arrive", async || pending(&process, "crm") == 0).await;
    let dead = process.json(&["dead", "list"]);
    assert_eq!(dead.as_array().map(Vec::len), Some(0), "none was used up");
    let told = stage.ops.wait_for(2).await;
    assert_eq!(told[1].json()["type"], "smswatch.sink_recovered");
    assert_eq!(told.len(), 2, "each is told once");
    assert_eq!(process.terminate(), Some(0));
}

/// What failed before is due in an hour only, and nothing else is there to probe with.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_sink_is_probed_and_gets_what_failed_however_late_it_would_be_tried_again() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    for store in [stage.sqlite(), redis.url()] {
        let config = stage.config(&store, "200ms", &[]);
        let text = std::fs::read_to_string(&config).expect("a file");
        let patient = text.replace("[100ms], give_up_after: 2s", "[1h], give_up_after: 24h");
        assert_ne!(patient, text);
        std::fs::write(&config, patient).expect("a file");
        let process = Process::start(&config);
        let told = stage.ops.requests().len();
        let all = park(&stage, &process, &[]).await;
        let failed = stage.crm.requests().len();
        stage.crm.wait_for(failed + 2).await;

        stage.crm.answer_always(Answer::status(200));
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
