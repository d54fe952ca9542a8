//! What is counted and measured, in Prometheus' words.

mod beginning;
mod exemplars;
mod labels;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use smswatch_model::{EventKind, Timestamp};
use smswatch_plugin::traces::SpanCounts;

pub(crate) use self::exemplars::{TracedHistogram, observe};
pub(crate) use self::labels::{
    DeliveryLabels, KindLabel, ObservationLabels, OddityLabel, OperationLabel, PartLabel,
    RecordLabel, RedriveLabels, ResultLabel, RuleLabel, SinkLabel, SinkName, StateLabel,
};
use crate::store::{Gauges, Outcome};

/// A metric before anything was counted.
trait Unused {
    fn unused() -> Self;
}

impl Unused for Counter {
    fn unused() -> Self {
        Self::default()
    }
}

/// A sum of seconds.
pub(crate) type SecondsCounter = Counter<f64, AtomicU64>;

impl Unused for SecondsCounter {
    fn unused() -> Self {
        Self::default()
    }
}

impl Unused for Gauge {
    fn unused() -> Self {
        Self::default()
    }
}

/// The bounds of all histograms: they are over seconds, from half a millisecond to an hour.
const BOUNDS: [f64; 19] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0, 900.0, 3600.0,
];

impl Unused for Histogram {
    fn unused() -> Self {
        Self::new(BOUNDS)
    }
}

impl Unused for TracedHistogram {
    fn unused() -> Self {
        Self::new(BOUNDS.into_iter())
    }
}

impl<L: Clone + Eq + Hash, M: Unused> Unused for Family<L, M> {
    fn unused() -> Self {
        Self::new_with_constructor(M::unused)
    }
}

/// Makes [`Metrics`] of a table: a field for each metric, which is shown under the field's name with its help.
macro_rules! metrics {
    ($($name:ident: $kind:ty = $help:literal;)*) => {
        #[derive(Debug)]
        pub(crate) struct Metrics {
            registry: Registry,
            /// The parts that `part_ok` shows.
            shown_parts: Mutex<BTreeSet<String>>,
            $(pub(crate) $name: $kind,)*
        }

        impl Metrics {
    /// Counts an event that was appended to the log.
    pub(crate) fn count_event(&self, kind: EventKind) {
        let label = KindLabel {
            r#type: kind.as_str(),
        };
        self.events.get_or_create(&label).inc();
    }

            /// Adds all metrics to what `registry` shows already.
            fn shown_by(mut registry: Registry) -> Self {
                $(
                    let $name = <$kind>::unused();
                    registry.register(stringify!($name), $help, $name.clone());
                )*
                Self { registry, shown_parts: Mutex::default(), $($name,)* }
            }

            /// The table, as a person reads it.
            #[cfg(test)]
            const ROWS: &[&str] =
                &[$(concat!(stringify!($name), ": ", stringify!($kind), ", ", $help)),*];
        }
    };
}

metrics! {
    config_hash: Gauge = "Hash of the configuration; equal on replicas that agree";
    config_last_reload_successful: Gauge =
        "Whether the last load of the configuration succeeded: 1, or 0 if it was refused and the previous one stays in force";
    polls: Family<ResultLabel, Counter> = "Polls of messages, by their result";
    poll_seconds: TracedHistogram = "How long a poll takes";
    poll_lag_seconds: Histogram = "From a poll's due time to its start";
    observations: Family<ObservationLabels, Counter> = "Observations, by what they said";
    clamped_dates: Counter = "Statuses dated too far ahead";
    oddities: Family<OddityLabel, Counter> =
        "What was odd in answers that were read nevertheless: an answer that is not quite JSON, a row \
         without a status, a date that cannot be read, a part too many";
    parts_missing: Counter = "Messages of which a part was never seen";
    pages: Family<ResultLabel, Counter> = "Pages of many messages that were asked for, by their result";
    provider_calls: Counter = "Calls of the provider's API that count against its limit: polls and pages";
    provider_calls_left: Gauge =
        "Calls of Routee's API that `routee.requests_per_second` allowed in the last minute and that were not made, all replicas together, equal on every replica";
    page_seconds: Histogram = "How long such a page takes";
    sweeps: Family<ResultLabel, Counter> = "Sweeps, by whether they told everything";
    sweep_seconds: Histogram = "How long a sweep takes, all pages together";
    callbacks: Family<ResultLabel, Counter> = "Callbacks, by what became of them";
    callback_seconds: Histogram = "How long it takes until a callback is stored";
    events: Family<KindLabel, Counter> = "Events, by type";
    route_lag_seconds: TracedHistogram = "From an event's detection to its routing";
    watches_restored: Counter = "Watches that the store had lost and that were written again";
    notifications_known: Counter = "Notifications that were queued before under the same id, and not again";
    template_failures: Family<RuleLabel, Counter> =
        "Templates of rules that failed when they were needed, so that the alert had default words";
    events_measured: Counter = "Events that rules with `event: rate` measured";
    events_grouped: Counter = "Events that rules with `group` gathered, once for each destination";
    events_omitted: Counter =
        "Events that notifications of groups count and do not show, as there were more than their `max`";
    set_aside: Counter = "Log entries that could not be routed and were set aside";
    unreadable: Counter = "Stored bodies that could not be read";
    deliveries: Family<DeliveryLabels, Counter> = "Attempts at deliveries, by what came of them, and deliveries that were held back";
    delivery_seconds: Family<SinkLabel, TracedHistogram> = "How long an attempt takes";
    detect_to_deliver_seconds: Family<SinkLabel, TracedHistogram> = "From an event's detection to its delivery";
    digests: Family<SinkLabel, Counter> =
        "Digests that sinks took: several deliveries of one rule at once, as more than `digest_above` waited";
    store_seconds: Family<OperationLabel, Histogram> = "How long the store takes, by operation";
    trace_spans: Family<ResultLabel, Counter> =
        "Spans of traces: exported, dropped because the queue was full, or failed because the receiver did not take them";
    trimmed: Family<RecordLabel, Counter> = "Records removed because history is bounded, by kind";
    redriven: Family<RedriveLabels, Counter> = "Ended deliveries that were sent again or dropped by hand";
    fallbacks: Family<SinkLabel, Counter> =
        "Deliveries that the sink's fallback got, as the sink itself did not take them";
    left_out: Family<SinkLabel, Counter> =
        "Deliveries that reached only some of their recipients, as others were refused for good";
    watches: Family<StateLabel, Gauge> = "Watches by state, of the whole store, equal on every replica";
    watches_left: Gauge = "Watches that this version cannot read and leaves to a later one";
    deliveries_left: Family<SinkLabel, Gauge> =
        "Deliveries that this version cannot read and leaves to a later one";
    silences: Gauge = "Silences that are active, as this process knows them";
    unrouted: Gauge = "Log entries that are not routed, of the whole store, equal on every replica";
    queue_depth: Family<SinkLabel, Gauge> =
        "Deliveries that wait or are attempted, of the whole store, equal on every replica";
    queue_oldest_seconds: Family<SinkLabel, Gauge> =
        "Age of the longest waiting delivery, of the whole store, equal on every replica";
    dead_letters: Family<SinkLabel, Gauge> =
        "Dead deliveries that are kept, of the whole store, equal on every replica";
    breaker_open: Family<SinkLabel, Gauge> =
        "Whether the sink's breaker is open, of the whole store, equal on every replica";
    part_ok: Family<PartLabel, Gauge> =
        "Whether a part of the process works, as `/readyz` tells: 1, or 0 while it is in trouble";
    process_cpu_seconds: SecondsCounter = "Processor time of the process, in its own code and the system's";
    process_resident_memory_bytes: Gauge = "Memory of the process that is not swapped out";
    process_start_time_seconds: Gauge = "When the process started, in seconds since 1970";
}

impl Metrics {
    pub(crate) fn new(config_hash: u64) -> Self {
        let mut registry = Registry::with_prefix("smswatch");
        let version = Info::new([("version", crate::VERSION)]);
        registry.register("build", "Which smswatch this is", version);
        let metrics = Self::shown_by(registry);
        metrics.set_config_hash(config_hash);
        metrics.config_last_reload_successful.set(1);
        metrics.begin();
        process::note_start(&metrics);
        metrics
    }

    /// From now on a configuration of this hash holds.
    pub(crate) fn set_config_hash(&self, config_hash: u64) {
        let hash = i64::try_from(config_hash).unwrap_or(i64::MAX);
        self.config_hash.set(hash);
    }

    /// Takes over what the store counted.
    pub(crate) fn set_gauges(&self, gauges: &Gauges, now: Timestamp) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, count) in &gauges.watches {
            self.watches
                .get_or_create(&StateLabel {
                    state: state.as_str(),
                })
                .set(number(*count));
        }
        self.unrouted.set(number(gauges.unrouted));
        for queue in &gauges.queues {
            let label = SinkLabel {
                sink: SinkName(queue.sink.as_str().into()),
            };
            self.queue_depth
                .get_or_create(&label)
                .set(number(queue.pending));
            self.dead_letters
                .get_or_create(&label)
                .set(number(queue.dead));
            let age = queue
                .oldest
                .map_or(Duration::ZERO, |oldest| now.since(oldest));
            self.queue_oldest_seconds
                .get_or_create(&label)
                .set(number(age.as_secs()));
        }
    }

    /// So many watches are left to a later version.
    pub(crate) fn set_put_aside(&self, count: u64) {
        self.watches_left
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// So many deliveries of a sink are left to a later version.
    pub(crate) fn set_deliveries_left(&self, sink: &SinkName, count: u64) {
        let label = SinkLabel { sink: sink.clone() };
        let gauge = self.deliveries_left.get_or_create(&label);
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Shows the parts of the process, and no others.
    pub(crate) fn set_health(&self, parts: &BTreeMap<String, Option<String>>) {
        let label = |part: &String| PartLabel { part: part.clone() };
        let mut shown = self
            .shown_parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for gone in shown.iter().filter(|part| !parts.contains_key(*part)) {
            self.part_ok.remove(&label(gone));
        }
        for (part, trouble) in parts {
            let gauge = self.part_ok.get_or_create(&label(part));
            gauge.set(i64::from(trouble.is_none()));
        }
        *shown = parts.keys().cloned().collect();
    }

    /// A delivery to `sink` was held back.
    pub(crate) fn suppressed(&self, sink: &SinkName) {
        let labels = DeliveryLabels {
            sink: sink.clone(),
            result: Outcome::Suppressed.word(),
        };
        self.deliveries.get_or_create(&labels).inc();
    }

    /// Takes over what became of the spans of traces.
    pub(crate) fn set_trace_spans(&self, counts: SpanCounts) {
        for (result, count) in [
            ("exported", counts.exported),
            ("dropped", counts.dropped),
            ("failed", counts.failed),
        ] {
            let counter = self.trace_spans.get_or_create(&ResultLabel { result });
            counter.inner().store(count, Ordering::Relaxed);
        }
    }

    /// Everything as Prometheus reads it, with exemplars for those who know what they are.
    pub(crate) fn render(&self, has_exemplars: bool) -> String {
        process::measure(self);
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        if has_exemplars {
            text
        } else {
            exemplars::without(&text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_the_documented_ones() {
        let metrics = Metrics::new(17);
        metrics
            .polls
            .get_or_create(&ResultLabel { result: "seen" })
            .inc();
        let sink = SinkName("crm".into());
        let labels = DeliveryLabels {
            sink,
            result: "delivered",
        };
        metrics.deliveries.get_or_create(&labels).inc();
        let text = metrics.render(false);
        for line in [
            "smswatch_polls_total{result=\"seen\"} 1",
            "smswatch_deliveries_total{sink=\"crm\",result=\"delivered\"} 1",
            "smswatch_build_info{version=",
            "smswatch_config_hash 17",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn parts_are_shown_as_long_as_there_are_such() {
        let metrics = Metrics::new(17);
        let trouble = Some("connection refused".to_owned());
        let both = BTreeMap::from([("store".to_owned(), None), ("sink:crm".to_owned(), trouble)]);
        metrics.set_health(&both);
        let text = metrics.render(false);
        assert!(
            text.contains("smswatch_part_ok{part=\"store\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("smswatch_part_ok{part=\"sink:crm\"} 0"),
            "{text}"
        );
        metrics.set_health(&BTreeMap::from([("store".to_owned(), None)]));
        let text = metrics.render(false);
        assert!(
            text.contains("smswatch_part_ok{part=\"store\"} 1"),
            "{text}"
        );
        assert!(!text.contains("sink:crm"), "{text}");
    }

    #[test]
    fn the_first_dead_letter_of_a_sink_is_an_increase() {
        let metrics = Metrics::new(17);
        metrics.begin_sink(&SinkName("crm".into()));
        let line = "smswatch_deliveries_total{sink=\"crm\",result=\"dead\"} 0";
        assert!(metrics.render(false).contains(line));
    }

    #[test]
    fn a_process_that_saw_nothing_says_so() {
        let text = Metrics::new(17).render(false);
        for line in [
            "smswatch_observations_total{source=\"poll\",result=\"same\"} 0",
            "smswatch_polls_total{result=\"refused\"} 0",
            "smswatch_callbacks_total{result=\"wrong_secret\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn every_metric_has_a_name_a_kind_and_a_help() {
        insta::assert_snapshot!(Metrics::ROWS.join("\n"));
    }
}
