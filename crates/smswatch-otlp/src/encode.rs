//! Puts steps into the words of OTLP.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind as Kind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use smswatch_plugin::VERSION;
use smswatch_plugin::traces::{SpanKind, SpanValue, TraceSpan};

/// W3C's mark of a trace that is told.
const SAMPLED: u32 = 1;

/// Who tells of the steps of one process.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) service_name: String,
    /// Tells this process from others of the same name.
    pub(crate) instance: String,
}

/// A request that tells of these steps.
pub(crate) fn request(origin: &Origin, spans: &[TraceSpan]) -> Vec<u8> {
    let resource = [
        ("service.name", origin.service_name.as_str()),
        ("service.version", VERSION),
        ("service.instance.id", &origin.instance),
    ];
    let resource = resource.map(|(key, text)| attribute(key, Value::StringValue(text.to_owned())));
    let scope = InstrumentationScope {
        name: "smswatch".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = ScopeSpans {
        scope: Some(scope),
        spans: spans.iter().map(span).collect(),
        ..ScopeSpans::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: resource.into(),
                ..Resource::default()
            }),
            scope_spans: vec![spans],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

fn span(span: &TraceSpan) -> Span {
    let ended = u64::try_from(span.ended_at.as_millis()).unwrap_or(0) * 1_000_000;
    let took = u64::try_from(span.took.as_nanos()).unwrap_or(u64::MAX);
    let links = span.links.iter();
    let links = links.map(|(trace, id)| Link {
        trace_id: trace.bytes().into(),
        span_id: id.bytes().into(),
        flags: SAMPLED,
        ..Link::default()
    });
    let attributes = span.attributes.iter();
    let attributes = attributes.map(|(key, known)| {
        let known = match known {
            SpanValue::Text(text) => Value::StringValue(text.clone().into_owned()),
            SpanValue::Number(number) => Value::IntValue(*number),
        };
        attribute(key, known)
    });
    Span {
        trace_id: span.trace.bytes().into(),
        span_id: span.id.bytes().into(),
        parent_span_id: span.parent.map(|id| id.bytes().into()).unwrap_or_default(),
        flags: SAMPLED,
        name: span.name.clone().into_owned(),
        kind: kind(span.kind).into(),
        start_time_unix_nano: ended.saturating_sub(took),
        end_time_unix_nano: ended,
        attributes: attributes.collect(),
        links: links.collect(),
        status: span.error.as_ref().map(|why| Status {
            message: why.clone(),
            code: StatusCode::Error.into(),
        }),
        ..Span::default()
    }
}

fn kind(kind: SpanKind) -> Kind {
    match kind {
        SpanKind::Internal => Kind::Internal,
        SpanKind::Server => Kind::Server,
        SpanKind::Client => Kind::Client,
        SpanKind::Consumer => Kind::Consumer,
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
