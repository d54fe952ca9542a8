//! Sinks that do to their threads what they should not.

use std::sync::mpsc;

use async_trait::async_trait;
use smswatch_model::{Severity, Timestamp};

use super::*;
use crate::event::test_event;
use crate::notification;
use crate::rules::RuleMatch;

/// A sink that does what the title of a notification says.
#[derive(Debug)]
struct Odd {
    /// What blocks ends when something is sent here, or when the other end is dropped.
    release: Mutex<mpsc::Receiver<()>>,
    dropped: Arc<AtomicUsize>,
}

struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[async_trait]
impl Sink for Odd {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        match notification.title.as_str() {
            "block" => {
                let release = self.release.lock().expect("it does not panic");
                let _ended = release.recv();
            }
            "panic" => panic!("it was told to"),
            "hang" => {
                let _dropped = Dropped(Arc::clone(&self.dropped));
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        Ok(Receipt::new("taken"))
    }
}

struct Stage {
    host: SinkHost,
    release: mpsc::Sender<()>,
    dropped: Arc<AtomicUsize>,
}

impl Stage {
    fn new(concurrency: usize) -> Self {
        let (release, released) = mpsc::channel();
        let dropped = Arc::new(AtomicUsize::new(0));
        let sink = Odd {
            release: Mutex::new(released),
            dropped: Arc::clone(&dropped),
        };
        Self {
            host: SinkHost::new(
                "odd".into(),
                Arc::new(sink),
                concurrency,
                SinkRuntime::OwnThreads,
            ),
            release,
            dropped,
        }
    }

    /// One attempt at what `title` says, which may take as long as `timeout`.
    async fn attempt(&self, title: &str, timeout: Duration) -> Came {
        self.attempt_soon(title, timeout, PATIENCE).await
    }

    async fn attempt_soon(&self, title: &str, timeout: Duration, begin_within: Duration) -> Came {
        let notification = Arc::new(notification(title));
        let begin_by = Instant::now() + begin_within;
        self.host
            .deliver(notification, None, timeout, begin_by)
            .await
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn notification(title: &str) -> Notification {
    let now = Timestamp::from_seconds(1_777_636_800);
    let rule_match = RuleMatch {
        rule: "rule".to_owned(),
        sink: "odd".to_owned(),
        overrides: smswatch_model::Overrides::new(),
        severity: Severity::Info,
        group: std::collections::BTreeMap::new(),
        gathering: None,
        is_once: false,
        events: vec![0],
    };
    let events = [test_event("routee", "odd", now, 1)];
    Notification {
        title: title.to_owned(),
        ..notification::of_match(&rule_match, &events, now)
    }
}

fn is_taken(came: &Came) -> bool {
    matches!(came, Came::Answer { result: Ok(receipt), .. } if receipt.detail() == "taken")
}

#[tokio::test]
async fn a_sink_that_keeps_its_thread_has_failed_and_the_next_attempt_gets_another() {
    let stage = Stage::new(1);
    let kept = stage.attempt("block", SHORT).await;
    assert!(matches!(kept, Came::NoAnswer { .. }), "{kept:?}");
    let next = stage.attempt("deliver", PATIENCE).await;
    assert!(is_taken(&next), "{next:?}");
    drop(stage.release);
}

#[tokio::test]
async fn attempts_that_wait_behind_one_that_blocks_are_taken_up_by_another_thread() {
    let stage = Stage::new(8);
    let others = async {
        // It is polled behind the one that blocks.
        for _ in 0..20 {
            let next = stage.attempt("deliver", PATIENCE).await;
            assert!(is_taken(&next), "{next:?}");
        }
        let _released = stage.release.send(());
    };
    let (blocked, ()) = tokio::join!(stage.attempt("block", PATIENCE), others);
    assert!(is_taken(&blocked), "{blocked:?}");
}

#[tokio::test]
async fn a_sink_that_keeps_every_thread_gets_no_more_and_nothing_is_attempted() {
    let stage = Stage::new(1);
    for _ in 0..2 {
        let kept = stage.attempt("block", SHORT).await;
        assert!(matches!(kept, Came::NoAnswer { .. }), "{kept:?}");
    }
    let none = stage.attempt_soon("deliver", PATIENCE, SHORT).await;
    assert!(matches!(none, Came::NotBegun), "{none:?}");
    drop(stage.release);
    let (release, _) = mpsc::channel();
    let stage = Stage { release, ..stage };
    let free = stage.attempt("deliver", PATIENCE).await;
    assert!(is_taken(&free), "{free:?}");
}

#[tokio::test]
async fn a_sink_that_panics_has_failed_for_now_and_works_on() {
    let stage = Stage::new(1);
    let Came::Answer {
        result: Err(error), ..
    } = stage.attempt("panic", PATIENCE).await
    else {
        panic!("it did not fail")
    };
    assert_eq!(error.detail(), "the sink has a bug: it panicked");
    assert!(is_taken(&stage.attempt("deliver", PATIENCE).await));
}

#[tokio::test]
async fn an_attempt_for_which_nobody_waits_any_more_is_dropped() {
    let stage = Stage::new(1);
    let hung = stage.attempt("hang", SHORT).await;
    assert!(matches!(hung, Came::NoAnswer { .. }), "{hung:?}");
    while stage.dropped.load(Ordering::Acquire) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
