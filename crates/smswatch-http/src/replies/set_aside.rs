//! Tells log entries that could not be routed.

use smswatch_api::set_aside::SetAsideReply;
use smswatch_plugin::store::KeptAside;

/// A log entry that could not be routed.
pub(crate) fn set_aside(kept: KeptAside) -> SetAsideReply {
    SetAsideReply {
        shard: kept.shard.0,
        position: kept.entry.position.0,
        at: kept.at,
        error: kept.entry.error,
        body: String::from_utf8_lossy(&kept.entry.body).into_owned(),
    }
}
