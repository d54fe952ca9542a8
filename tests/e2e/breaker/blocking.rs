//! A sink that blocks keeps its own threads and nothing else.

use super::*;

/// A console whose reader has stopped keeps the thread that writes to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_keeps_its_threads_holds_up_neither_others_nor_the_end() {
    const MESSAGES: usize = 600;
    let stage = Stage::new().await;
    let healthy = Receiver::start().await;
    let config = stage.config(&stage.sqlite(), "1h", &[("healthy", healthy.url("/hook"))]);
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text
        .replace(
            "sinks:\n",
            "sinks:\n  screen: {type: console, timeout: 1s}\n",
        )
        .replace("notify: [crm, healthy]", "notify: [screen, healthy]");
    std::fs::write(&config, text).expect("a file");
    let process = Process::start_unread(&config);
    stage.watch(&process, MESSAGES);
    assert_eq!(ids(&healthy.wait_for(MESSAGES).await).len(), MESSAGES);
    until("it is told", async || {
        process
            .said()
            .contains("sink `screen` has kept its thread for")
    })
    .await;
    assert_eq!(ask::text(&process, "/healthz").await, r#"{"ok":true}"#);
    stage.watch(&process, 1);
    healthy.wait_for(MESSAGES + 1).await;
    assert!(pending(&process, "screen") > 0, "it took everything");
    assert_eq!(process.terminate(), Some(0));
}
