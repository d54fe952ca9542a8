//! Asks the running process over HTTP, which is cheap enough to do again and again, and waits for what it
//! says.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;
use smswatch_testkit::PATIENCE;

use crate::process::Process;

/// How long after each other it is looked whether something has come true, at least and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// What asks the processes of all tests: a client takes longer to make than most answers. Connections belong to the
/// test that opened them, so it keeps none.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    smswatch_testkit::install_tls_provider();
    let client = Client::builder().pool_max_idle_per_host(0).build();
    client.expect("a client")
});

/// The text that the process answers on `path`, whatever its status.
pub(crate) async fn text(process: &Process, path: &str) -> String {
    get(process, path).await.text().await.expect("a body")
}

/// The status and the JSON that the process answers on `path`; null if it is something else.
pub(crate) async fn json(process: &Process, path: &str) -> (u16, Value) {
    let answer = get(process, path).await;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The page that a browser gets on `path`.
pub(crate) async fn page(process: &Process, path: &str) -> String {
    let request = CLIENT.get(format!("{}{path}", process.url));
    let answer = request.header("accept", "text/html").send().await;
    answer
        .expect("the process answers")
        .text()
        .await
        .expect("a body")
}

async fn get(process: &Process, path: &str) -> reqwest::Response {
    let mut request = CLIENT.get(format!("{}{path}", process.url));
    if let Some(token) = process.token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("the process answers")
}

/// The metrics of the process, as a scraper reads them.
pub(crate) async fn metrics(process: &Process) -> String {
    text(process, "/metrics").await
}

/// What the process says of the watch of message `id`; null if there is none.
pub(crate) async fn watch(process: &Process, id: &str) -> Value {
    match json(process, &format!("/v1/watches/{id}")).await {
        (200, watch) => watch,
        _ => Value::Null,
    }
}

/// Pauses before the next look at what has been waited for since then: what takes long is looked at less often, so that
/// looking does not keep the machine from it.
pub(crate) async fn pause(begun: Instant) {
    let (shortest, longest) = PAUSES;
    tokio::time::sleep((begun.elapsed() / 10).clamp(shortest, longest)).await;
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if condition().await {
            return;
        }
        pause(begun).await;
    }
    panic!("it did not come true: {what}");
}

/// Waits until the process has looked into the store for what it shares with others some more times: what
/// it could do by now it has done.
pub(crate) async fn goes_on(process: &Process) {
    const ROUNDS: u64 = 4;
    let rounds = async || {
        let metrics = metrics(process).await;
        let counted = metrics.lines().find_map(|line| {
            line.strip_prefix("smswatch_store_seconds_count{op=\"memo\"} ")?
                .parse::<u64>()
                .ok()
        });
        counted.unwrap_or_default()
    };
    let before = rounds().await;
    let what = "it looks into the store again";
    until(what, async || rounds().await >= before + ROUNDS).await;
}

/// Waits until the watch of message `id` fits, and returns it.
pub(crate) async fn watch_that(
    process: &Process,
    id: &str,
    fits: impl Fn(&Value) -> bool,
) -> Value {
    let begun = Instant::now();
    loop {
        let watch = watch(process, id).await;
        if fits(&watch) {
            return watch;
        }
        assert!(begun.elapsed() < PATIENCE, "it never fits: {watch}");
        pause(begun).await;
    }
}
