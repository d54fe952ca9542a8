//! Bugs that show with one message alone: it is told of them, and all others go on.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use smswatch_model::{DeliveryId, EventKind, TraceId};
use smswatch_plugin::store::{DeliveryState, Queues as _};
use smswatch_plugin::traces::{SpanCounts, TraceSpan, Tracer};
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::world::{World, seconds};

const HOUR: u64 = 3_600;

/// Keeps the lines of the log that tell of errors.
#[derive(Debug, Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl Errors {
    fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The fields of a line, one behind the other.
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl tracing::Subscriber for Errors {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_message_over_which_the_provider_panics_is_told_of_and_given_up_and_others_go_on() {
    let errors = Errors::default();
    let _kept = tracing::subscriber::set_default(errors.clone());
    let mut world = World::new();
    world.settings.watch.give_up_after = seconds(2 * HOUR);
    let (sink, engine) = world.start().await;
    let fate = vec![(seconds(0), "Sent"), (seconds(60), "!panics")];
    world.watch_for(&engine, "m1", fate, "panics").await;
    let fate = vec![(seconds(0), "Sent"), (seconds(HOUR), "Undelivered")];
    world.watch(&engine, "m2", fate).await;
    sleep(seconds(2 * HOUR + 20 * 60)).await;
    assert_eq!(sink.statuses(), ["Sent", "Sent", "Undelivered"]);
    let gave_up = sink.attempts(EventKind::GaveUp);
    let told: Vec<_> = gave_up.iter().map(|told| told.team.as_deref()).collect();
    assert_eq!(told, [Some("panics")]);
    let metrics = engine.service().metrics(false).await;
    assert!(metrics.contains("smswatch_polls_total{result=\"unreadable\"}"));
    let lines = errors.lines();
    let is_told = |line: &String| line.contains("a poll panicked") && line.contains("m1");
    assert!(!lines.is_empty() && lines.iter().all(is_told), "{lines:?}");
    assert!(engine.stop().await);
}

/// Panics over the first two attempts of which it is told.
#[derive(Debug, Default)]
struct Faulty(AtomicU32);

impl Tracer for Faulty {
    fn wants(&self, _: TraceId) -> bool {
        true
    }

    fn record(&self, span: TraceSpan) {
        if span.name == "send crm" {
            let n_sent = self.0.fetch_add(1, Ordering::AcqRel);
            assert!(n_sent >= 2, "a bug in what tells of attempts");
        }
    }

    fn counts(&self) -> SpanCounts {
        SpanCounts::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_panics_has_failed_and_comes_again_by_the_schedule() {
    let errors = Errors::default();
    let _kept = tracing::subscriber::set_default(errors.clone());
    let mut world = World::new();
    world.tracer = Some(Arc::new(Faulty::default()));
    let (sink, engine) = world.start().await;
    let fate = vec![(seconds(0), "Undelivered")];
    world.watch(&engine, "m1", fate).await;
    sleep(seconds(10 * 60)).await;
    let attempts = sink.attempts(EventKind::StatusChanged);
    assert_eq!(attempts.len(), 3, "{attempts:?}");
    let id = DeliveryId::new(attempts[0].id.clone()).expect("an id");
    let stored = world.store.delivery(&id).await.expect("the store is there");
    let stored = stored.expect("it is kept");
    assert_eq!(stored.state, DeliveryState::Delivered);
    let details = stored.attempts.iter();
    let details: Vec<_> = details.map(|attempt| attempt.detail.as_str()).collect();
    let bug = "smswatch has a bug: the attempt panicked";
    assert_eq!(details[..2], [bug; 2]);
    assert_eq!(errors.lines().len(), 2);
    assert!(engine.stop().await);
}
