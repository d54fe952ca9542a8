//! Traces as a collector gets them: one for each observed change, from the look to the last attempt, whoever did what.

use std::collections::BTreeSet;
use std::path::PathBuf;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use smswatch_testkit::receiver::{Answer, Receiver};

use crate::ask::{metrics, until, watch_that};
use crate::monitoring::Prometheus;
use crate::process::Process;
use crate::stage::{routee, sqlite_in};

/// The recipient's number, without its plus.
const NUMBER: &str = "306900000001";

/// What stands around the program.
struct World {
    sim: Sim,
    crm: Receiver,
    collector: Receiver,
    directory: tempfile::TempDir,
}

/// A step as the collector got it, with the process that sent it.
#[derive(Debug, Clone)]
struct Step {
    span: Span,
    instance: String,
}

impl Step {
    fn number(&self, key: &str) -> Option<i64> {
        match value(&self.span.attributes, key)? {
            Value::IntValue(number) => Some(number),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        text(&self.span.attributes, key)
    }

    fn has_failed(&self) -> bool {
        self.span
            .status
            .as_ref()
            .is_some_and(|status| status.code == 2)
    }
}

fn value(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let known = attributes.iter().find(|known| known.key == key)?;
    known.value.clone()?.value
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match value(attributes, key)? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

impl World {
    async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            crm: Receiver::start().await,
            collector: Receiver::start().await,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn config(&self) -> PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
{routee}
store: {{url: "{store}"}}
watch: {{schedule: [50ms]}}
http: {{listen: "127.0.0.1:0"}}
traces: {{endpoint: "{collector}", headers: {{x-team: sms}}, service_name: sms-alerts}}
sinks:
  crm: {{type: webhook, url: "{crm}", allow_private: true, retry: {{schedule: [50ms]}}}}
rules:
  - name: undelivered
    match: {{status: Undelivered}}
    notify: [crm]
"#,
            routee = routee(&self.sim, "requests_per_second: 1000"),
            store = sqlite_in(self.directory.path()),
            collector = self.collector.url(""),
            crm = self.crm.url("/hook"),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Sends a message, has it watched, and lets it be undelivered once an earlier status was seen.
    async fn send(&self, process: &Process) -> String {
        let spec = MessageSpec {
            hold: true,
            to: Some(format!("+{NUMBER}")),
            ..Fate::Undelivered.into()
        };
        let id = self.sim.register(spec).expect("a message");
        let watched = process.ask(&["watch", &id]);
        assert!(watched.status.success(), "{watched:?}");
        watch_that(process, &id, |watch| {
            watch["parts"][0]["status"].is_string()
        })
        .await;
        while self.sim.advance_message(&id).expect("it is known") > 0 {}
        id
    }

    /// All that the collector got so far.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for request in self.collector.requests() {
            assert_eq!(request.path, "/v1/traces");
            assert_eq!(request.header("x-team"), Some("sms"));
            let told = ExportTraceServiceRequest::decode(request.body).expect("OTLP");
            for told in told.resource_spans {
                let resource = told.resource.expect("a resource").attributes;
                assert_eq!(
                    text(&resource, "service.name").as_deref(),
                    Some("sms-alerts")
                );
                let instance = text(&resource, "service.instance.id").expect("an instance");
                let spans = told.scope_spans.into_iter().flat_map(|scope| scope.spans);
                steps.extend(spans.map(|span| Step {
                    span,
                    instance: instance.clone(),
                }));
            }
        }
        steps
    }

    /// Waits until a step of this name fits, and returns all of its trace, in the order in which they began.
    async fn trace(&self, name: &str, fits: impl Fn(&Step) -> bool) -> Vec<Step> {
        let found = || {
            let steps = self.steps().into_iter();
            steps
                .into_iter()
                .find(|step| step.span.name == name && fits(step))
        };
        until(name, async || found().is_some()).await;
        let trace = found().expect("it is there").span.trace_id;
        let mut steps = self.steps();
        steps.retain(|step| step.span.trace_id == trace);
        steps.sort_by_key(|step| step.span.start_time_unix_nano);
        steps
    }
}

/// The only step of this name.
#[track_caller]
fn one<'a>(steps: &'a [Step], name: &str) -> &'a Step {
    let mut found = steps.iter().filter(|step| step.span.name == name);
    let step = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {steps:?}"));
    assert!(found.next().is_none(), "several times {name} in {steps:?}");
    step
}

/// The look, the commit and the route step, as one led to the next; returns the last of them.
#[track_caller]
fn beginning<'a>(steps: &'a [Step], look: &str) -> &'a Step {
    let (look, commit, route) = (one(steps, look), one(steps, "commit"), one(steps, "route"));
    assert!(look.span.parent_span_id.is_empty());
    assert_eq!(commit.span.parent_span_id, look.span.span_id);
    assert_eq!(route.span.parent_span_id, commit.span.span_id);
    route
}

fn delivered(step: &Step) -> bool {
    step.text("smswatch.outcome").as_deref() == Some("delivered")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_look_to_each_attempt() {
    let world = World::new().await;
    world.crm.answer_next(Answer::status(500));
    let process = Process::start(&world.config());
    let id = world.send(&process).await;
    let steps = world.trace("send crm", delivered).await;
    let route = beginning(&steps, "poll");
    assert_eq!(one(&steps, "poll").span.kind, 3);
    assert_eq!(
        one(&steps, "poll").text("smswatch.status").as_deref(),
        Some("Undelivered")
    );
    assert_eq!(route.number("smswatch.deliveries"), Some(1));
    let queue = one(&steps, "queue crm");
    assert_eq!(queue.span.parent_span_id, route.span.span_id);
    let sends: Vec<&Step> = steps
        .iter()
        .filter(|step| step.span.name == "send crm")
        .collect();
    assert_eq!(sends.len(), 2, "{steps:?}");
    for (n, send) in (1..).zip(&sends) {
        assert_eq!(send.span.parent_span_id, route.span.span_id);
        assert_eq!(send.number("smswatch.attempt"), Some(n));
        assert_eq!(
            send.text("messaging.destination.name").as_deref(),
            Some("crm")
        );
    }
    assert!(sends[0].has_failed() && !sends[1].has_failed());
    assert_eq!(sends[0].text("smswatch.outcome").as_deref(), Some("retry"));
    let ids: BTreeSet<Option<String>> = sends
        .iter()
        .map(|send| send.text("messaging.message.id"))
        .collect();
    let delivery = world.crm.requests()[0]
        .header("webhook-id")
        .map(str::to_owned);
    assert_eq!(ids, BTreeSet::from([delivery]));
    assert!(
        steps
            .iter()
            .all(|step| step.text("smswatch.message_id").as_ref() == Some(&id))
    );
    // Earlier changes of the message have traces of their own, which end with the rules.
    let traces: BTreeSet<Vec<u8>> = world
        .steps()
        .into_iter()
        .map(|step| step.span.trace_id)
        .collect();
    assert!(traces.len() > 1);

    // Nobody's number is in them, whole or in parts.
    for request in world.collector.requests() {
        let told = String::from_utf8_lossy(&request.body).into_owned();
        assert!(!told.contains(&NUMBER[3..]), "{told}");
    }
    assert_eq!(process.terminate(), Some(0));
    let spans = world.steps().into_iter();
    let names: BTreeSet<Vec<u8>> = spans.map(|step| step.span.span_id).collect();
    assert_eq!(names.len(), world.steps().len(), "each step was told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_on_in_the_next_process() {
    let world = World::new().await;
    let config = world.config();
    let process = Process::start(&config);
    assert!(process.ask(&["sink", "pause", "crm"]).status.success());
    world.send(&process).await;
    let is_for_crm = |step: &Step| step.number("smswatch.deliveries") == Some(1);
    let before = world.trace("route", is_for_crm).await;
    process.kill();
    assert!(world.crm.requests().is_empty());

    let process = Process::start(&config);
    assert!(process.ask(&["sink", "resume", "crm"]).status.success());
    let steps = world.trace("send crm", delivered).await;
    assert_eq!(steps[0].span.trace_id, before[0].span.trace_id);
    let route = beginning(&steps, "poll");
    let send = one(&steps, "send crm");
    assert_eq!(send.span.parent_span_id, route.span.span_id);
    assert_ne!(send.instance, route.instance);
    let queue = one(&steps, "queue crm");
    assert!(queue.span.end_time_unix_nano > route.span.end_time_unix_nano);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn histograms_name_a_trace_and_prometheus_keeps_it() {
    let world = World::new().await;
    let process = Process::start(&world.config());
    let prometheus = Prometheus::start(&process).await;
    world.send(&process).await;
    let steps = world.trace("send crm", delivered).await;
    let trace: String = steps[0]
        .span
        .trace_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for histogram in [
        "smswatch_poll_seconds",
        "smswatch_route_lag_seconds",
        "smswatch_delivery_seconds",
        "smswatch_detect_to_deliver_seconds",
    ] {
        let what = format!("an exemplar of {histogram}");
        until(&what, async || {
            let query = format!("{histogram}_bucket");
            let parameters = [
                ("query", query.as_str()),
                ("start", "2000-01-01T00:00:00Z"),
                ("end", "2100-01-01T00:00:00Z"),
            ];
            let found = prometheus.get("query_exemplars", &parameters).await;
            found.to_string().contains(&trace)
        })
        .await;
    }
    // Who does not say that it knows exemplars gets none.
    let plain = metrics(&process).await;
    assert!(plain.contains("smswatch_poll_seconds_bucket") && !plain.contains("trace_id"));
    let exported = "smswatch_trace_spans_total{result=\"exported\"} ";
    assert!(
        plain.contains(exported) && !plain.contains(&format!("{exported}0\n")),
        "{plain}"
    );
    assert_eq!(process.terminate(), Some(0));
}
