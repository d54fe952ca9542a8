//! A receiver gets what was recorded, whoever records is never held up, and nothing goes without being counted.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use smswatch_otlp::{Exporter, ExporterOptions};
use smswatch_plugin::model::{SpanId, Timestamp, TraceId};
use smswatch_plugin::traces::{SpanCounts, SpanKind, TraceSpan, Tracer};
use smswatch_plugin::{Proxy, Secret};
use smswatch_testkit::PATIENCE;
use smswatch_testkit::receiver::{Answer, Receiver, RefusedPort, Request};
use smswatch_testkit::sample;

fn exporter(endpoint: String) -> Exporter {
    Exporter::start(&options(endpoint)).expect("an exporter")
}

fn options(endpoint: String) -> ExporterOptions {
    smswatch_testkit::install_tls_provider();
    ExporterOptions {
        endpoint,
        headers: vec![("authorization".to_owned(), Secret::new("Bearer hunter2"))],
        service_name: "sms".to_owned(),
        sample_ratio: 1.0,
        proxy: Proxy::None,
    }
}

/// The `n`th step of a trace.
fn span(n: u64) -> TraceSpan {
    let trace = TraceId::of(&sample::notification().events[0]);
    TraceSpan {
        trace,
        id: SpanId::random(n + 1),
        parent: Some(SpanId::of(trace, "route")),
        name: format!("send {n}").into(),
        kind: SpanKind::Client,
        ended_at: Timestamp::from_millis(1_777_636_800_250),
        took: Duration::from_micros(1_500),
        attributes: vec![
            ("messaging.destination.name", "crm".into()),
            ("smswatch.attempt", 2_u64.into()),
        ],
        links: vec![(trace, SpanId::random(99))],
        error: Some("500".to_owned()),
    }
}

/// What a request tells.
fn told(request: &Request) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(request.body.clone()).expect("OTLP")
}

fn n_spans(requests: &[Request]) -> usize {
    let told = requests.iter().map(told);
    let scopes = told.flat_map(|told| told.resource_spans);
    let scopes = scopes.flat_map(|resource| resource.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let known = attributes.iter().find(|known| known.key == key)?;
    let AnyValue { value } = known.value.clone()?;
    value
}

/// Waits until the counts fit.
async fn counted(tracer: &Arc<dyn Tracer>, fits: impl Fn(SpanCounts) -> bool) -> SpanCounts {
    within("the counts fit", async {
        loop {
            let counts = tracer.counts();
            if fits(counts) {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

async fn within<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let awaited = tokio::time::timeout(PATIENCE, awaited).await;
    awaited.unwrap_or_else(|_| panic!("it never came true: {what}"))
}

#[tokio::test]
async fn a_receiver_reads_what_was_recorded() {
    let receiver = Receiver::start().await;
    let exporter = exporter(receiver.url(""));
    exporter.tracer().record(span(7));
    let request = receiver.wait_for(1).await.remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/traces")
    );
    assert_eq!(
        request.header("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(request.header("authorization"), Some("Bearer hunter2"));
    let told = told(&request).resource_spans.remove(0);
    let resource = told.resource.expect("a resource").attributes;
    let name = Some(Value::StringValue("sms".to_owned()));
    assert_eq!(text(&resource, "service.name"), name);
    assert!(text(&resource, "service.instance.id").is_some());
    let read = &told.scope_spans[0].spans[0];
    let sent = span(7);
    assert_eq!(read.trace_id, sent.trace.bytes());
    assert_eq!(read.span_id, sent.id.bytes());
    assert_eq!(read.parent_span_id, SpanId::of(sent.trace, "route").bytes());
    assert_eq!((read.name.as_str(), read.kind), ("send 7", 3));
    assert_eq!(read.end_time_unix_nano, 1_777_636_800_250_000_000);
    assert_eq!(
        read.end_time_unix_nano - read.start_time_unix_nano,
        1_500_000
    );
    let attempt = text(&read.attributes, "smswatch.attempt");
    assert_eq!(attempt, Some(Value::IntValue(2)));
    assert_eq!(read.links[0].span_id, SpanId::random(99).bytes());
    let status = read.status.clone().expect("it failed");
    assert_eq!((status.code, status.message.as_str()), (2, "500"));
    let tracer = exporter.tracer();
    let counts = counted(&tracer, |counts| counts.exported == 1).await;
    assert_eq!((counts.dropped, counts.failed), (0, 0));
    exporter.close(PATIENCE).await;
}

#[tokio::test]
async fn what_is_not_taken_now_comes_again_and_what_never_will_be_is_counted() {
    let receiver = Receiver::start().await;
    let exporter = exporter(receiver.url(""));
    let tracer = exporter.tracer();
    receiver.answer_next(Answer::status(503));
    tracer.record(span(1));
    let requests = receiver.wait_for(2).await;
    assert_eq!(requests[0].body, requests[1].body);
    counted(&tracer, |counts| counts.exported == 1).await;
    receiver.answer_next(Answer::status(400));
    tracer.record(span(2));
    let counts = counted(&tracer, |counts| counts.failed == 1).await;
    assert_eq!(counts.exported, 1);
    let partly = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: "too old".to_owned(),
        }),
    };
    receiver.answer_next(Answer::status(200).body(partly.encode_to_vec()));
    tracer.record(span(3));
    tracer.record(span(4));
    let counts = counted(&tracer, |counts| counts.failed == 2).await;
    assert_eq!((counts.exported, counts.dropped), (2, 0));
    exporter.close(PATIENCE).await;
}

#[tokio::test]
async fn whoever_records_is_not_held_up_by_a_receiver_that_is_away() {
    let away = RefusedPort::take();
    let exporter = exporter(format!("http://{}", away.address()));
    let tracer = exporter.tracer();
    // More than there is ever room for.
    for n in 0..20_000 {
        tracer.record(span(n));
    }
    let counts = tracer.counts();
    assert!(counts.dropped >= 20_000 - 8_192 - 512, "{counts:?}");
    exporter.close(PATIENCE).await;
    let counts = tracer.counts();
    assert_eq!(counts.dropped + counts.failed, 20_000, "{counts:?}");
}

#[tokio::test]
async fn what_waits_at_the_end_is_sent_and_a_receiver_that_hangs_does_not_hold_the_end_up() {
    let receiver = Receiver::start().await;
    let quick = exporter(receiver.url(""));
    for n in 0..1_300 {
        quick.tracer().record(span(n));
    }
    quick.close(PATIENCE).await;
    assert_eq!(n_spans(&receiver.requests()), 1_300);
    receiver.answer_always(Answer::hang());
    let hanging = exporter(receiver.url(""));
    let tracer = hanging.tracer();
    tracer.record(span(1));
    hanging.close(Duration::from_millis(300)).await;
    // The client itself would have given up by itself, much later.
    assert_eq!(tracer.counts().failed, 0);
}

#[tokio::test]
async fn a_receiver_is_tried_without_leaving_anything_and_says_why_it_would_take_nothing() {
    let receiver = Receiver::start().await;
    let tried = smswatch_otlp::probe(&options(receiver.url(""))).await;
    assert!(tried.expect("it takes traces").ends_with(" takes traces"));
    let requests = receiver.wait_for(1).await;
    assert_eq!(n_spans(&requests), 0);
    assert_eq!(requests[0].header("authorization"), Some("Bearer hunter2"));
    receiver.answer_always(Answer::status(401));
    let tried = smswatch_otlp::probe(&options(receiver.url(""))).await;
    let why = tried.expect_err("it refuses");
    assert!(why.ends_with(" answered 401"), "{why}");
    let nobody = RefusedPort::take();
    let tried = smswatch_otlp::probe(&options(format!("http://{}", nobody.address()))).await;
    let why = tried.expect_err("nobody is there");
    assert!(why.contains("refuses connections"), "{why}");
}
