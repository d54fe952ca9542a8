//! A console that nobody reads is in trouble, and nothing else is.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_nobody_reads_holds_up_neither_others_nor_the_end() {
    const MESSAGES: usize = 600;
    let stage = Stage::new().await;
    let healthy = Receiver::start().await;
    let config = config(&stage, &stage.sqlite(), "1h", &[("healthy", &healthy)]);
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text
        .replace(
            "sinks:\n",
            "sinks:\n  screen: {type: console, timeout: 1s}\n",
        )
        .replace("notify: [crm, healthy]", "notify: [screen, healthy]");
    std::fs::write(&config, text).expect("a file");
    let process = Process::start_unread(&config);
    stage.watch(&process, MESSAGES, Fate::Delivered);
    assert_eq!(ids(&healthy.wait_for(MESSAGES).await).len(), MESSAGES);
    until("it is told", async || {
        let (_, ready) = ask::json(&process, "/readyz").await;
        ready["parts"]["sink:screen"]["ok"] == false
    })
    .await;
    assert_eq!(ask::text(&process, "/healthz").await, r#"{"ok":true}"#);
    stage.watch(&process, 1, Fate::Delivered);
    healthy.wait_for(MESSAGES + 1).await;
    assert!(pending(&process, "screen") > 0, "it took everything");
    assert_eq!(process.terminate(), Some(0));
}
