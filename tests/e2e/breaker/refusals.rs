//! A receiver that refuses everything for good is in trouble, and what it refuses is told.

use super::*;

/// Has the trouble of `ops` and the dead letters of `crm` told to `ops`.
fn config_telling_of_dead_letters(stage: &Stage, store: &str) -> PathBuf {
    let path = config(stage, store, "1h", &[]);
    let text = std::fs::read_to_string(&path).expect("a file");
    let text = format!(
        "{}\n  - {{name: dead, event: dead_letter, notify: [ops]}}\n",
        text.trim_end()
    );
    std::fs::write(&path, text).expect("a file");
    path
}

async fn a_sink_that_refuses_everything_is_in_trouble(store: &str) {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(422));
    let process = Process::start(&config_telling_of_dead_letters(&stage, store));
    stage.watch(&process, 30, Fate::Delivered);
    until("it is told", async || {
        let told = news_of_itself(&stage);
        let kinds: HashSet<_> = told
            .iter()
            .filter_map(|told| told["type"].as_str())
            .collect();
        kinds.len() == 2
    })
    .await;
    let told = news_of_itself(&stage);
    let of = |kind: &str| {
        told.iter()
            .find(|told| told["type"] == kind)
            .expect("it is told")
    };
    let down = &of("smswatch.sink_down")["data"]["events"][0]["about"];
    assert_eq!(down["name"], "crm");
    let why = down["description"].as_str().expect("a reason");
    assert!(
        why.contains("refused for good") && why.contains("422"),
        "{why}"
    );
    let dead = &of("smswatch.dead_letter")["data"]["events"][0]["about"];
    assert_eq!(dead["name"], "crm");
    until("the health report tells it", async || {
        let trouble = trouble(&process, "crm").await;
        trouble.is_some_and(|trouble| trouble.contains("down since"))
    })
    .await;

    // What was on its way at that moment may be refused as well; the rest waits.
    let letters = process.json(&["dead", "list"]);
    let letters = letters.as_array().expect("a list").len();
    assert!(
        (FAILURES - 1..FAILURES + 2).contains(&letters),
        "{letters} died"
    );
    until("the others wait", async || {
        pending(&process, "crm") as usize + letters == 30
    })
    .await;
    let status = process.ask(&["status"]);
    let status = String::from_utf8(status.stdout).expect("text");
    assert!(status.contains("given up since"), "{status}");
    let said = process.said();
    assert!(
        said.contains("sink `crm` is down: 3 deliveries in a row"),
        "{said}"
    );
    assert!(said.contains("given up for sink `crm`: "), "{said}");

    stage.webhook.answer_always(Answer::status(200));
    process.json(&["sink", "resume", "crm"]);
    until("the others arrive", async || pending(&process, "crm") == 0).await;
    until("it is well", async || {
        trouble(&process, "crm").await.is_none()
    })
    .await;
    assert!(process.said().contains("sink `crm` works again after "));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_sink_that_refuses_everything_is_in_trouble_and_its_dead_letters_are_told() {
    let redis = RedisServer::start();
    a_sink_that_refuses_everything_is_in_trouble(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_sink_that_refuses_everything_is_in_trouble_and_its_dead_letters_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    a_sink_that_refuses_everything_is_in_trouble(&sqlite_in(directory.path())).await;
}

/// It is down because it refused everything, and its next probe is an hour away.
#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_refused_everything_is_probed_as_soon_as_somebody_sends_it_again() {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(422));
    let process = Process::start(&config(&stage, &stage.sqlite(), "1h", &[]));
    stage.watch(&process, 20, Fate::Delivered);
    stage.ops.wait_for(1).await;
    until("the others wait", async || {
        let dead = process.json(&["dead", "list"]);
        let dead = dead.as_array().map_or(0, Vec::len);
        dead > 0 && pending(&process, "crm") as usize + dead == 20
    })
    .await;
    stage.webhook.answer_always(Answer::status(200));
    let before = stage.webhook.requests().len();
    let retried = process.json(&["dead", "retry", "--all"]);
    assert!(retried["retried"].as_u64() > Some(0), "{retried}");
    let after = stage.webhook.wait_for(before + 20).await.split_off(before);
    assert_eq!(ids(&after).len(), 20);
    until("it is well", async || !is_open(&process).await).await;
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    assert_eq!(process.terminate(), Some(0));
}
