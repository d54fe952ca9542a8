//! Shows and changes whether a sink takes deliveries, for the API.

use futures::future::join_all;
use smswatch_model::Timestamp;

use super::Service;
use super::error::ServiceError;
use crate::deliver::SinkUnit;
use crate::deliver::breaker::DestinationState;
use crate::metrics::SinkLabel;
use crate::store::Rate;

/// How alike two names are of which one may be meant by the other.
const ALIKE: f64 = 0.8;

/// Whether a sink takes deliveries, and what stands against it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkState {
    /// The sink's name.
    pub sink: String,
    /// How many attempts there may be in how long, in all processes together; `None` if nothing limits them.
    pub rate: Option<Rate>,
    /// Since when it is paused by hand.
    pub paused_since: Option<Timestamp>,
    /// Since when its breaker is open.
    pub open_since: Option<Timestamp>,
    /// What failed when its breaker opened.
    pub open_reason: Option<String>,
    /// Until when its receiver wants nothing.
    pub held_until: Option<Timestamp>,
    /// The destinations that rules chose and whose deliveries wait.
    pub destinations: Vec<DestinationState>,
}

impl SinkState {
    /// One word for it: what stands most against deliveries, or `delivering`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.paused_since.is_some() {
            "paused"
        } else if self.open_since.is_some() {
            "open"
        } else if self.held_until.is_some() {
            "held"
        } else {
            "delivering"
        }
    }
}

impl Service {
    /// Holds a sink back until it is resumed, in all processes; `None` when there is no such sink. Its
    /// deliveries wait.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn pause_sink(&self, sink: &str) -> Result<Option<SinkState>, ServiceError> {
        let Some(unit) = self.sinks.get(sink) else {
            return Ok(None);
        };
        unit.breaker.pause(&self.context).await?;
        tracing::info!(sink.name = sink, "a sink is paused by hand");
        Ok(Some(self.sink_state(&unit)))
    }

    /// Lets a sink have deliveries again, in all processes; `None` when there is no such sink. An open
    /// breaker is probed at once.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn resume_sink(&self, sink: &str) -> Result<Option<SinkState>, ServiceError> {
        let Some(unit) = self.sinks.get(sink) else {
            return Ok(None);
        };
        unit.breaker.resume(&self.context).await?;
        tracing::info!(sink.name = sink, "a sink is resumed by hand");
        Ok(Some(self.sink_state(&unit)))
    }

    /// How each sink is, in the order of their names. Those of which the store cannot be asked are told as they were
    /// known last.
    pub async fn sinks(&self) -> Vec<SinkState> {
        self.read_breakers().await;
        let sinks = self.sinks.all();
        sinks.values().map(|unit| self.sink_state(unit)).collect()
    }

    fn sink_state(&self, unit: &SinkUnit) -> SinkState {
        let view = unit.breaker.view();
        SinkState {
            sink: unit.name().to_owned(),
            rate: unit.settings.rate,
            paused_since: view.paused_since(),
            open_since: view.open_since(),
            open_reason: view.open_reason().map(str::to_owned),
            held_until: view.held_until(self.context.clock.now()),
            destinations: unit.breaker.held_destinations(self.context.clock.now()),
        }
    }

    /// Takes over into the metrics which breakers are open; those that cannot be read stay as they
    /// were known last.
    pub(super) async fn measure_breakers(&self) {
        self.read_breakers().await;
        for unit in self.sinks.all().values() {
            let label = SinkLabel {
                sink: unit.name.clone(),
            };
            let is_open = unit.breaker.open_since().is_some();
            let gauge = self.context.metrics.breaker_open.get_or_create(&label);
            gauge.set(i64::from(is_open));
        }
    }

    async fn read_breakers(&self) {
        let sinks = self.sinks.all();
        let reads = sinks.values().map(|unit| unit.breaker.read(&self.context));
        let _read = join_all(reads).await;
    }
}

/// What to say when no sink is called `name`, and these are all there are.
#[must_use]
pub fn no_such_sink<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    if all.is_empty() {
        return format!("no sink is named {name}; none is configured");
    }
    let there_are = all.join(", ");
    let likeness = |other: &&&str| strsim::jaro_winkler(name, other);
    let nearest = all
        .iter()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let meant = nearest.filter(|nearest| likeness(nearest) >= ALIKE);
    let meant = meant.map(|nearest| format!(". Did you mean {nearest}?"));
    format!(
        "no sink is named {name}; there are: {there_are}{}",
        meant.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_misspells_a_sink_is_told_which_ones_there_are() {
        let said = |name, all: &[&str]| no_such_sink(name, all.iter().copied());
        assert_eq!(
            said("pagr", &["ops-slack", "pager"]),
            "no sink is named pagr; there are: ops-slack, pager. Did you mean pager?"
        );
        assert_eq!(
            said("crm", &["ops-slack", "pager"]),
            "no sink is named crm; there are: ops-slack, pager"
        );
        assert_eq!(said("crm", &[]), "no sink is named crm; none is configured");
    }
}
