//! One attempt by hand, to see whether a sink works: made at once, told as it comes out, and forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use smswatch_model::{DeliveryId, Notification, Overrides, Severity};
use tokio::time::Instant;

use super::Service;
use super::error::ServiceError;
use crate::context::Context;
use crate::deliver::SinkUnit;
use crate::deliver::breaker::{AttemptPermit, Circuit, Flow};
use crate::deliver::host::Came;
use crate::event::test_event;
use crate::notification;
use crate::rules::{RuleMatch, Words};

/// How long a test waits for its turn among the other attempts.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of the test of a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkTest {
    /// The name under which the receiver knows the notification.
    pub id: DeliveryId,
    /// The sink's name.
    pub sink: String,
    /// Whether it took the notification.
    pub outcome: SinkTestOutcome,
    /// What the other side said, what failed, or why nothing was sent.
    pub detail: String,
}

/// Whether a sink took a test notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkTestOutcome {
    /// It took it.
    Delivered,
    /// The attempt failed. It is not repeated.
    Failed,
    /// There was no attempt: the sink is paused, down, or busy.
    NotTried,
}

impl SinkTestOutcome {
    /// The word that stands for this in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::NotTried => "not_tried",
        }
    }
}

impl Service {
    /// Makes one attempt to deliver a test notification to a sink, and tells what came of it; `None` when
    /// there is no such sink. It is neither repeated nor kept, and says nothing about the sink.
    ///
    /// # Errors
    ///
    /// The store cannot be asked whether the sink may have something.
    pub async fn test_sink(&self, sink: &str) -> Result<Option<SinkTest>, ServiceError> {
        let Some(unit) = self.sinks.get(sink) else {
            return Ok(None);
        };
        unit.breaker.read(&self.context).await?;
        let n = self.tests.fetch_add(1, Ordering::Relaxed);
        let notification = unit.shown(self.test_notification(sink, n));
        let id = notification.delivery_id.clone();
        let (outcome, detail) = match held_back(&self.context, &unit) {
            Some(why) => (SinkTestOutcome::NotTried, why),
            None => self.try_once(&unit, notification).await,
        };
        tracing::info!("sink `{sink}` was tested, {}: {detail}", outcome.as_str());
        Ok(Some(SinkTest {
            id,
            sink: sink.to_owned(),
            outcome,
            detail,
        }))
    }

    async fn try_once(
        &self,
        unit: &Arc<SinkUnit>,
        notification: Arc<Notification>,
    ) -> (SinkTestOutcome, String) {
        let name = unit.name();
        let begin_by = Instant::now() + PATIENCE;
        let Some(_turn) = AttemptPermit::wait_until(&self.context, unit, begin_by).await else {
            let detail = format!("{name} is busy: all of its attempts are still running");
            return (SinkTestOutcome::NotTried, detail);
        };
        if let Some(limiter) = &unit.limiter {
            let left = begin_by.saturating_duration_since(Instant::now());
            if !limiter.permit_within(left).await.unwrap_or(false) {
                let detail = format!("{name} is busy: its `rate` allows no attempt now");
                return (SinkTestOutcome::NotTried, detail);
            }
        }
        let timeout = unit.settings.timeout;
        let attempt = unit.host.deliver(notification, None, timeout, begin_by);
        match attempt.await {
            Came::Answer {
                result: Ok(receipt),
                ..
            } => (SinkTestOutcome::Delivered, receipt.detail().to_owned()),
            Came::Answer {
                result: Err(error), ..
            } => (SinkTestOutcome::Failed, error.detail()),
            Came::NoAnswer { .. } => {
                let detail = format!("no answer within {} s", timeout.as_secs_f64());
                (SinkTestOutcome::Failed, detail)
            }
            Came::NotBegun => {
                let detail = format!("{name} is busy: it keeps all of its threads");
                (SinkTestOutcome::NotTried, detail)
            }
        }
    }

    pub(super) fn test_notification(&self, sink: &str, n: u64) -> Notification {
        let now = self.context.clock.now();
        let events = [test_event(self.context.provider, sink, now, n)];
        let rule_match = RuleMatch {
            rule: "sink test".to_owned(),
            sink: sink.to_owned(),
            overrides: Overrides::new(),
            severity: Severity::Info,
            group: BTreeMap::new(),
            gathering: None,
            is_once: false,
            events: vec![0],
        };
        let words = Words {
            title: format!("[TEST] smswatch reaches `{sink}`"),
            text: "Someone is testing this sink. No message is affected.".to_owned(),
            ..Words::default()
        };
        notification::worded(notification::of_match(&rule_match, &events, now), words)
    }
}

/// Why nothing is sent to a sink now, and what ends that.
fn held_back(context: &Context, unit: &SinkUnit) -> Option<String> {
    let view = unit.breaker.view();
    let now = context.clock.now();
    if let Flow::Open { .. } = view.flow(now) {
        return None;
    }
    Some(why_held(unit.name(), &view, now))
}

fn why_held(name: &str, view: &Circuit, now: smswatch_model::Timestamp) -> String {
    let trouble = view.trouble(now).unwrap_or_default();
    match view.paused_since() {
        Some(_) => format!("{name} is {trouble}; nothing is sent. `smswatch sink resume {name}`"),
        None if view.open_since().is_some() => {
            format!("{name} is {trouble}. `smswatch sink resume {name}` tries it now")
        }
        None => format!("{name} waits: {trouble}. `smswatch sink resume {name}` tries it now"),
    }
}

#[cfg(test)]
mod tests {
    use smswatch_model::Timestamp;

    use super::*;
    use crate::deliver::breaker::Report;
    use crate::settings::BreakerSettings;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    #[test]
    fn a_sink_that_is_paused_or_down_says_so_and_what_to_do() {
        let mut paused = Circuit::default();
        paused.pause(at(0));
        assert_eq!(
            why_held("pager", &paused, at(1)),
            "pager is paused since 2026-05-01T12:00:00Z; nothing is sent. `smswatch sink resume pager`"
        );
        let mut down = Circuit::default();
        for second in 0..5 {
            let reason = "it answered 500".to_owned();
            let report = Report::Failed { reason };
            down.take(report, &BreakerSettings::default(), at(second));
        }
        assert_eq!(
            why_held("pager", &down, at(5)),
            "pager is down since 2026-05-01T12:00:04Z, next try at 2026-05-01T12:00:34Z: it answered \
             500. `smswatch sink resume pager` tries it now"
        );
    }
}
