//! Shows counters before there is anything to count: what begins at 0 is an increase the first time, and that nothing came
//! can be told of a process that just started.

use std::time::Duration;

use smswatch_model::Source;

use super::{DeliveryLabels, Metrics, ObservationLabels, ResultLabel, SinkName};
use crate::store::Outcome;

/// What comes of polls.
const POLLS: [&str; 8] = [
    "seen",
    "empty",
    "unknown",
    "invalid",
    "failed",
    "unreadable",
    "throttled",
    "refused",
];

/// What comes of callbacks, also of those that come no further than the door.
const CALLBACKS: [&str; 11] = [
    "stored",
    "held",
    "unwatched",
    "ignored",
    "invalid",
    "too_large",
    "too_slow",
    "wrong_secret",
    "foreign",
    "too_many_new",
    "unavailable",
];

impl Metrics {
    /// Shows what is there in every process.
    pub(super) fn begin(&self) {
        for source in [Source::Poll, Source::Sweep, Source::Callback] {
            for result in ["changed", "stale", "same"] {
                let labels = ObservationLabels {
                    source: source.as_str(),
                    result,
                };
                self.observations.get_or_create(&labels).inc_by(0);
            }
        }
        for result in POLLS {
            self.polls.get_or_create(&ResultLabel { result }).inc_by(0);
        }
        for result in CALLBACKS {
            let label = ResultLabel { result };
            self.callbacks.get_or_create(&label).inc_by(0);
        }
    }

    /// Shows a sink.
    pub(crate) fn begin_sink(&self, sink: &SinkName) {
        let outcomes = [
            Outcome::Delivered,
            Outcome::Retry(Duration::ZERO),
            Outcome::Dead,
            Outcome::Suppressed,
        ];
        for outcome in outcomes {
            let labels = DeliveryLabels {
                sink: sink.clone(),
                result: outcome.word(),
            };
            self.deliveries.get_or_create(&labels).inc_by(0);
        }
    }
}
