//! What is counted and measured, in Prometheus' words.

use std::fmt::Write as _;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use smswatch_model::Timestamp;

use crate::store::Gauges;

type Label = std::sync::Arc<str>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ResultLabel {
    pub(crate) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ObservationLabels {
    pub(crate) source: &'static str,
    pub(crate) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct KindLabel {
    pub(crate) r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SinkLabel {
    pub(crate) sink: SinkName,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DeliveryLabels {
    pub(crate) sink: SinkName,
    pub(crate) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RedriveLabels {
    pub(crate) sink: SinkName,
    pub(crate) action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StateLabel {
    pub(crate) state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RecordLabel {
    pub(crate) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OddityLabel {
    pub(crate) what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OperationLabel {
    pub(crate) op: &'static str,
}

/// A sink's name, shared: labels are made for every delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SinkName(pub(crate) Label);

impl EncodeLabelValue for SinkName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(&self.0)
    }
}

/// Histograms over seconds, from half a millisecond to an hour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new([
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            30.0, 60.0, 300.0, 900.0, 3600.0,
        ])
    }
}

type Histograms<L> = Family<L, Histogram, Seconds>;

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) polls: Family<ResultLabel, Counter>,
    pub(crate) poll_seconds: Histogram,
    pub(crate) poll_lag_seconds: Histogram,
    pub(crate) observations: Family<ObservationLabels, Counter>,
    pub(crate) clamped_dates: Counter,
    pub(crate) oddities: Family<OddityLabel, Counter>,
    pub(crate) parts_missing: Counter,
    pub(crate) watches_restored: Counter,
    pub(crate) notifications_known: Counter,
    pub(crate) events: Family<KindLabel, Counter>,
    pub(crate) route_lag_seconds: Histogram,
    pub(crate) set_aside: Counter,
    pub(crate) unreadable: Counter,
    pub(crate) deliveries: Family<DeliveryLabels, Counter>,
    pub(crate) delivery_seconds: Histograms<SinkLabel>,
    pub(crate) detect_to_deliver_seconds: Histograms<SinkLabel>,
    pub(crate) store_seconds: Histograms<OperationLabel>,
    pub(crate) trimmed: Family<RecordLabel, Counter>,
    pub(crate) redriven: Family<RedriveLabels, Counter>,
    pub(crate) fallbacks: Family<SinkLabel, Counter>,
    pub(crate) left_out: Family<SinkLabel, Counter>,
    watches: Family<StateLabel, Gauge>,
    watches_left: Gauge,
    deliveries_left: Family<SinkLabel, Gauge>,
    unrouted: Gauge,
    queue_depth: Family<SinkLabel, Gauge>,
    queue_oldest_seconds: Family<SinkLabel, Gauge>,
    dead_letters: Family<SinkLabel, Gauge>,
    pub(crate) breaker_open: Family<SinkLabel, Gauge>,
}

impl Metrics {
    pub(crate) fn new(config_hash: u64) -> Self {
        let mut registry = Registry::with_prefix("smswatch");
        let version = Info::new([("version", crate::VERSION)]);
        registry.register("build", "Which smswatch this is", version);
        let hash = Gauge::<i64>::default();
        hash.set(i64::try_from(config_hash).unwrap_or(i64::MAX));
        let help = "Hash of the configuration; equal on replicas that agree";
        registry.register("config_hash", help, hash);
        let seconds = || Seconds.new_metric();
        let metrics = Self {
            polls: Family::default(),
            poll_seconds: seconds(),
            poll_lag_seconds: seconds(),
            observations: Family::default(),
            clamped_dates: Counter::default(),
            oddities: Family::default(),
            parts_missing: Counter::default(),
            watches_restored: Counter::default(),
            notifications_known: Counter::default(),
            events: Family::default(),
            route_lag_seconds: seconds(),
            set_aside: Counter::default(),
            unreadable: Counter::default(),
            deliveries: Family::default(),
            delivery_seconds: Family::new_with_constructor(Seconds),
            detect_to_deliver_seconds: Family::new_with_constructor(Seconds),
            store_seconds: Family::new_with_constructor(Seconds),
            trimmed: Family::default(),
            redriven: Family::default(),
            fallbacks: Family::default(),
            left_out: Family::default(),
            watches: Family::default(),
            watches_left: Gauge::default(),
            deliveries_left: Family::default(),
            unrouted: Gauge::default(),
            queue_depth: Family::default(),
            queue_oldest_seconds: Family::default(),
            dead_letters: Family::default(),
            breaker_open: Family::default(),
            registry,
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        const WHOLE_STORE: &str = "of the whole store, equal on every replica";
        let registry = &mut self.registry;
        registry.register(
            "polls",
            "Polls of messages, by their result",
            self.polls.clone(),
        );
        registry.register(
            "poll_seconds",
            "How long a poll takes",
            self.poll_seconds.clone(),
        );
        let lag = self.poll_lag_seconds.clone();
        registry.register(
            "poll_lag_seconds",
            "From a poll's due time to its start",
            lag,
        );
        let observations = self.observations.clone();
        registry.register(
            "observations",
            "Observations, by what they said",
            observations,
        );
        let clamped = self.clamped_dates.clone();
        registry.register("clamped_dates", "Statuses dated too far ahead", clamped);
        let help = "What was odd in answers that were read nevertheless: an answer that is not quite \
                    JSON, a row without a status, a date that cannot be read, a part too many";
        registry.register("oddities", help, self.oddities.clone());
        let missing = self.parts_missing.clone();
        registry.register(
            "parts_missing",
            "Messages of which a part was never seen",
            missing,
        );
        registry.register("events", "Events, by type", self.events.clone());
        let lag = self.route_lag_seconds.clone();
        registry.register(
            "route_lag_seconds",
            "From an event's detection to its routing",
            lag,
        );
        let help = "Watches that the store had lost and that were written again";
        registry.register("watches_restored", help, self.watches_restored.clone());
        let help = "Notifications that were queued before under the same id, and not again";
        registry.register(
            "notifications_known",
            help,
            self.notifications_known.clone(),
        );
        let help = "Log entries that could not be routed and were set aside";
        registry.register("set_aside", help, self.set_aside.clone());
        let unreadable = self.unreadable.clone();
        registry.register(
            "unreadable",
            "Stored bodies that could not be read",
            unreadable,
        );
        let deliveries = self.deliveries.clone();
        registry.register(
            "deliveries",
            "Attempts at deliveries, by what came of them",
            deliveries,
        );
        let seconds = self.delivery_seconds.clone();
        registry.register("delivery_seconds", "How long an attempt takes", seconds);
        let seconds = self.detect_to_deliver_seconds.clone();
        let help = "From an event's detection to its delivery";
        registry.register("detect_to_deliver_seconds", help, seconds);
        let seconds = self.store_seconds.clone();
        registry.register(
            "store_seconds",
            "How long the store takes, by operation",
            seconds,
        );
        let help = "Records removed because history is bounded, by kind";
        registry.register("trimmed", help, self.trimmed.clone());
        let help = "Ended deliveries that somebody sent again or dropped";
        registry.register("redriven", help, self.redriven.clone());
        let help = "Deliveries that the sink's fallback got, as the sink itself did not take them";
        registry.register("fallbacks", help, self.fallbacks.clone());
        let help = "Deliveries that reached only some of their recipients, as others were refused for good";
        registry.register("left_out", help, self.left_out.clone());
        let help = format!("Watches by state, {WHOLE_STORE}");
        registry.register("watches", help, self.watches.clone());
        let help = "Watches that this version cannot read and leaves to a later one";
        registry.register("watches_left", help, self.watches_left.clone());
        let help = "Deliveries that this version cannot read and leaves to a later one";
        registry.register("deliveries_left", help, self.deliveries_left.clone());
        let help = format!("Log entries that are not routed, {WHOLE_STORE}");
        registry.register("unrouted", help, self.unrouted.clone());
        let help = format!("Deliveries that wait or are attempted, {WHOLE_STORE}");
        registry.register("queue_depth", help, self.queue_depth.clone());
        let help = format!("Age of the longest waiting delivery, {WHOLE_STORE}");
        registry.register(
            "queue_oldest_seconds",
            help,
            self.queue_oldest_seconds.clone(),
        );
        let help = format!("Dead deliveries that are kept, {WHOLE_STORE}");
        registry.register("dead_letters", help, self.dead_letters.clone());
        let help = format!("Whether the sink's breaker is open, {WHOLE_STORE}");
        registry.register("breaker_open", help, self.breaker_open.clone());
        self
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

    /// Everything as Prometheus reads it.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
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
        let text = metrics.render();
        for line in [
            "smswatch_polls_total{result=\"seen\"} 1",
            "smswatch_deliveries_total{sink=\"crm\",result=\"delivered\"} 1",
            "smswatch_build_info{version=",
            "smswatch_config_hash 17",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
