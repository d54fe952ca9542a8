//! Since when a sink has been known to be down.

use smswatch_model::Timestamp;

use crate::shared::SinkUnit;

/// Since when nothing is sent to the sink because it is down; none while it is up.
pub(crate) fn down_since(_unit: &SinkUnit) -> Option<Timestamp> {
    None
}
