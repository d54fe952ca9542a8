//! What stays of a watch that goes.

use smswatch_model::{MessageId, Tags, Timestamp};

use super::Lifecycle;
use crate::record::WatchState;
use crate::watch::Watch;

impl Lifecycle<'_> {
    /// What is left of a watch whose time is over, as if it had been removed at its end.
    pub(crate) fn retire(&self, message_id: &MessageId, watch: &Watch, now: Timestamp) -> Watch {
        self.remove(message_id, watch, watch.ended_at.unwrap_or(now))
    }

    /// A watch that was removed at `now`: its snapshot goes, a mark stays until no source can tell of it
    /// any more.
    pub(crate) fn remove(&self, message_id: &MessageId, watch: &Watch, now: Timestamp) -> Watch {
        let now = Timestamp::from_seconds(now.as_seconds());
        Watch {
            state: WatchState::Removed,
            due: self
                .slots(message_id)
                .at(now, now + self.kept_for(WatchState::Removed)),
            registered_at: watch.registered_at,
            ended_at: Some(now),
            is_confirmed: true,
            ..Watch::new(now, Tags::new())
        }
    }
}
