//! Tells how the process is, and how much there is of everything.

use std::collections::BTreeMap;

use smswatch_api::health::{PartHealthReply, QueueReply, ReadyReply, StatusReply};
use smswatch_core::{GivenUp, HealthReport};
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{Gauges, QueueGauge};

use crate::auth::Caller;

/// How the process is. A stranger is told which part is in trouble, and nothing of the reason: it may
/// repeat what a receiver or the store has answered.
pub(crate) fn ready(report: HealthReport, caller: Caller) -> ReadyReply {
    let parts = report.parts.into_iter().map(|(name, trouble)| {
        let trouble = match caller {
            Caller::Known => trouble,
            Caller::Stranger => trouble.map(|_| in_our_words(&name)),
        };
        let ok = trouble.is_none();
        (name, PartHealthReply { ok, trouble })
    });
    ReadyReply {
        ready: report.ready,
        parts: parts.collect(),
    }
}

/// What everybody may know of the trouble of a part.
fn in_our_words(part: &str) -> String {
    let what = match part {
        "store" => "the store cannot be used",
        "provider" => "the provider does not answer as it should",
        "polling" => "messages are not asked about in time",
        "heartbeat" => "the heartbeat is not heard",
        "configuration" => "the configuration file is not in force",
        part if part.starts_with("sink:") => "its deliveries fail",
        _ => "something is wrong",
    };
    format!("{what}; with a token the reason is shown")
}

/// How the process is, with the words of other systems, and how much there is.
pub(crate) fn status(
    health: HealthReport,
    gauges: Gauges,
    given_up: &BTreeMap<String, GivenUp>,
    silences: usize,
) -> StatusReply {
    // Removed watches are not shown.
    let shown = |state: &WatchState| *state != WatchState::Removed;
    let states = WatchState::ALL.into_iter().filter(shown);
    let mut watches: BTreeMap<_, _> = states.map(|state| (state.as_str().to_owned(), 0)).collect();
    for (state, count) in gauges.watches.into_iter().filter(|(state, _)| shown(state)) {
        watches.insert(state.as_str().to_owned(), count);
    }
    let queues = gauges.queues.into_iter().map(|gauge| {
        let given_up = given_up.get(&gauge.sink);
        queue(gauge, given_up)
    });
    StatusReply {
        version: smswatch_plugin::VERSION.to_owned(),
        health: ready(health, Caller::Known),
        watches,
        queues: queues.collect(),
        unrouted: gauges.unrouted,
        set_aside: gauges.set_aside,
        silences: u64::try_from(silences).unwrap_or(u64::MAX),
    }
}

fn queue(queue: QueueGauge, given_up: Option<&GivenUp>) -> QueueReply {
    QueueReply {
        sink: queue.sink,
        pending: queue.pending,
        left: queue.left,
        dead: queue.dead,
        dead_since: given_up.map(|given_up| given_up.since),
        dead_last_at: given_up.map(|given_up| given_up.last),
        dead_reason: given_up.map(|given_up| given_up.reason.clone()),
        oldest: queue.oldest,
    }
}
