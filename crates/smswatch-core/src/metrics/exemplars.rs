//! Examples of what histograms count: the trace of the latest one in each bucket.

use std::time::UNIX_EPOCH;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use smswatch_model::TraceId;

/// The trace of what was counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TraceLabel {
    trace_id: String,
}

/// A histogram that knows an example in each bucket.
pub(crate) type TracedHistogram = HistogramWithExemplars<TraceLabel>;

/// Where the example of a line begins; in the value of a label the quotation mark has a backslash before it.
const EXEMPLAR: &str = " # {trace_id=\"";

/// Counts a duration, with its trace if it has one.
pub(crate) fn observe(histogram: &TracedHistogram, seconds: f64, trace: Option<TraceId>) {
    let label = trace.map(|trace| TraceLabel {
        trace_id: trace.to_string(),
    });
    // By the machine's clock, with which Prometheus compares its own.
    let now = label.as_ref().and_then(|_| UNIX_EPOCH.elapsed().ok());
    let now = now.map(|since| UNIX_EPOCH + since);
    histogram.observe(seconds, label, now);
}

/// The same without examples.
pub(super) fn without(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        let counted = line.rsplit_once(EXEMPLAR);
        plain.push_str(counted.map_or(line, |(counted, _)| counted));
        plain.push('\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, SinkLabel, SinkName};

    #[test]
    fn examples_are_told_to_those_who_ask_for_them_alone() {
        let metrics = Metrics::new(17);
        let event = crate::event::test_event("routee", "crm", smswatch_model::Timestamp::MAX, 1);
        let trace = TraceId::of(&event);
        let sink = SinkName("a # {trace_id=\"".into());
        let histogram = metrics.delivery_seconds.get_or_create(&SinkLabel { sink });
        observe(&histogram, 0.3, Some(trace));
        observe(&histogram, 0.4, None);
        drop(histogram);
        let counted = r#"smswatch_delivery_seconds_bucket{le="0.5",sink="a # {trace_id=\""} 2"#;
        let text = metrics.render(true);
        assert!(
            text.contains(&format!("{counted} # {{trace_id=\"{trace}\"}} 0.3 ")),
            "{text}"
        );
        let plain = metrics.render(false);
        assert!(plain.contains(&format!("{counted}\n")), "{plain}");
        assert!(plain.ends_with("# EOF\n") && text.ends_with("# EOF\n"));
    }
}
