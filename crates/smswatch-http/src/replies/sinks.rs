//! Tells how sinks are, and what came of testing them.

use smswatch_api::sinks::{DestinationReply, SinkReply, SinkTestReply};
use smswatch_core::{DestinationState, SinkState, SinkTest};
use smswatch_plugin::store::Rate;

/// Whether a sink takes deliveries.
pub(crate) fn sink(state: SinkState) -> SinkReply {
    SinkReply {
        state: state.word().into(),
        sink: state.sink,
        rate: state.rate.map(rate),
        paused_since: state.paused_since,
        open_since: state.open_since,
        open_reason: state.open_reason,
        held_until: state.held_until,
        destinations: state.destinations.into_iter().map(destination).collect(),
    }
}

/// A rate in words: `10 in 1 s`.
fn rate(rate: Rate) -> String {
    format!("{} in {} s", rate.permits, rate.per.as_secs_f64())
}

fn destination(state: DestinationState) -> DestinationReply {
    DestinationReply {
        destination: state.destination,
        open_since: state.open_since,
        trouble: state.trouble,
    }
}

/// What came of the test of a sink.
pub(crate) fn sink_test(test: SinkTest) -> SinkTestReply {
    SinkTestReply {
        id: test.id,
        sink: test.sink,
        result: test.outcome.as_str().into(),
        detail: test.detail,
    }
}
