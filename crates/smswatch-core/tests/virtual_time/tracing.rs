//! Which steps a change goes through, as traces tell it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smswatch_core::Engine;
use smswatch_core::settings::{CallbackSettings, SinkSettings, SweepSettings};
use smswatch_model::{SpanId, TraceId};
use smswatch_plugin::traces::{SpanCounts, SpanKind, SpanValue, TraceSpan, Tracer};
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

/// Keeps all steps.
#[derive(Debug, Default)]
struct Collector(Mutex<Vec<TraceSpan>>);

impl Collector {
    fn spans(&self) -> Vec<TraceSpan> {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spans.clone()
    }

    /// The steps of this name.
    fn named(&self, name: &str) -> Vec<TraceSpan> {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        spans
    }

    /// The names of a trace's steps, and of what led to each.
    fn story(&self, trace: TraceId) -> Vec<(String, Option<String>)> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == trace);
        let name = |id: SpanId| {
            let step = spans.iter().find(|span| span.id == id);
            step.map_or_else(|| "nothing".to_owned(), |step| step.name.to_string())
        };
        let steps = spans.iter();
        steps
            .map(|span| (span.name.to_string(), span.parent.map(name)))
            .collect()
    }
}

impl Tracer for Collector {
    fn wants(&self, _: TraceId) -> bool {
        true
    }

    fn record(&self, span: TraceSpan) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spans.push(span);
    }

    fn counts(&self) -> SpanCounts {
        SpanCounts::default()
    }
}

/// A process of `world` whose steps are kept; its sink works once the world is so old.
async fn traced(mut world: World, works_from: Duration) -> (World, Arc<Collector>, Engine) {
    let collector = Arc::new(Collector::default());
    world.tracer = Some(Arc::clone(&collector) as Arc<dyn Tracer>);
    let sink = Recorder::new(&world, works_from);
    let engine = world.engine([("crm", sink, SinkSettings::default())]).await;
    (world, collector, engine)
}

fn told(steps: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    let steps = steps.iter();
    steps
        .map(|(name, parent)| ((*name).to_owned(), parent.map(str::to_owned)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_saw_a_change_leads_to_each_attempt() {
    let (world, collector, engine) = traced(World::new(), seconds(3)).await;
    world
        .watch(&engine, "m1", vec![(seconds(0), "Undelivered")])
        .await;
    sleep(seconds(60)).await;
    let sends = collector.named("send crm");
    let expected = [
        ("poll", None),
        ("commit", Some("poll")),
        ("route", Some("commit")),
        ("queue crm", Some("route")),
        ("send crm", Some("route")),
        ("send crm", Some("route")),
    ];
    assert_eq!(collector.story(sends[0].trace), told(&expected));
    assert!(sends[0].error.is_some() && sends[1].error.is_none());
    assert_eq!(collector.named("poll")[0].kind, SpanKind::Client);
    // What changes nothing has no trace.
    assert_eq!(collector.named("poll").len(), 1);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_begins_with_the_page_that_told_of_it() {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        every: seconds(30),
        window: seconds(7200),
        register: true,
        filters: Vec::new(),
    }];
    world.provider.a_page_takes(seconds(2));
    world.fate("m1", vec![(seconds(0), "Undelivered")]);
    let (_world, collector, engine) = traced(world, seconds(0)).await;
    sleep(seconds(20)).await;
    let looks = collector.named("sweep");
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0].took, seconds(2));
    let expected = [
        ("sweep", None),
        ("commit", Some("sweep")),
        ("route", Some("commit")),
        ("queue crm", Some("route")),
        ("send crm", Some("route")),
    ];
    assert_eq!(collector.story(looks[0].trace), told(&expected));
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_was_held_says_for_how_long() {
    let mut world = World::new();
    world.settings.callbacks = Some(CallbackSettings::default());
    let (_world, collector, engine) = traced(world, seconds(0)).await;
    let pushed = engine.service().push(b"m1 Undelivered").await;
    assert!(pushed.is_ok(), "{pushed:?}");
    sleep(seconds(20)).await;
    let looks = collector.named("callback");
    assert_eq!(looks.len(), 1);
    let expected = [
        ("hold", Some("callback")),
        ("callback", None),
        ("commit", Some("callback")),
        ("route", Some("commit")),
        ("queue crm", Some("route")),
        ("send crm", Some("route")),
    ];
    assert_eq!(collector.story(looks[0].trace), told(&expected));
    let hold = &collector.named("hold")[0];
    assert!((seconds(3)..seconds(5)).contains(&hold.took), "{hold:?}");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_several_changes_is_a_step_of_each_of_their_traces() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: all, match: {final: true}, group: {wait: 30s, interval: 5m}, notify: [crm]}
",
    );
    let (world, collector, engine) = traced(world, seconds(0)).await;
    for n in 0..3 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&engine, &format!("m{n}"), fate).await;
        sleep(seconds(1)).await;
    }
    sleep(seconds(60)).await;
    let sends = collector.named("send crm");
    let traces: BTreeSet<String> = sends.iter().map(|send| send.trace.to_string()).collect();
    assert_eq!((sends.len(), traces.len()), (3, 3));
    let delivery = |send: &TraceSpan| {
        let mut known = send.attributes.iter();
        let id = known.find(|(key, _)| *key == "messaging.message.id");
        id.map(|(_, id)| id.clone())
    };
    assert!(
        sends
            .iter()
            .all(|send| delivery(send) == delivery(&sends[0]))
    );
    assert!(delivery(&sends[0]).is_some());
    for send in &sends {
        let expected = [
            ("poll", None),
            ("commit", Some("poll")),
            ("route", Some("commit")),
            ("group crm", Some("route")),
            ("queue crm", Some("route")),
            ("send crm", Some("route")),
        ];
        assert_eq!(collector.story(send.trace), told(&expected));
    }
    let links = sends.iter().map(|send| send.links.len());
    assert_eq!(links.collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(sends[1].links, [(sends[0].trace, sends[0].id)]);
    let waited = &collector.named("group crm")[0];
    assert!(
        (seconds(29)..seconds(40)).contains(&waited.took),
        "{waited:?}"
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn an_alert_begins_with_the_rules() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: rate, event: rate, count: {final: true}, over: 20m, above: 0, notify: [crm]}
",
    );
    let (world, collector, engine) = traced(world, seconds(0)).await;
    world
        .watch(&engine, "m1", vec![(seconds(0), "Undelivered")])
        .await;
    sleep(seconds(120)).await;
    let send = &collector.named("send crm")[0];
    let expected = [
        ("route", None),
        ("queue crm", Some("route")),
        ("send crm", Some("route")),
    ];
    assert_eq!(collector.story(send.trace), told(&expected));
    let kind = ("smswatch.event.type", SpanValue::from("alert.firing"));
    assert!(send.attributes.contains(&kind), "{send:?}");
    assert!(engine.stop().await);
}
