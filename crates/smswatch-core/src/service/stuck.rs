//! The messages that are stuck: told to have no final status in time, and still without one.

use std::collections::HashSet;

use smswatch_model::{Event, EventKind};

use super::Service;
use super::error::ServiceError;
use crate::record::WatchState;
use crate::store::{EventFilter, PageRequest};

/// How many of the latest events of stuck messages are looked through.
const MOST: usize = 200;

/// The messages that are stuck.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StuckMessages {
    /// The latest event that told so of each, the latest first.
    pub events: Vec<Event>,
    /// Whether there may be more: there are earlier events than were read.
    pub is_cut: bool,
}

impl Service {
    /// The messages that are stuck, as far as the latest two hundred events of such messages tell. Only messages of
    /// which a rule wants to know are ever told to be stuck.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn stuck(&self) -> Result<StuckMessages, ServiceError> {
        let filter = EventFilter {
            message_id: None,
            kind: Some(EventKind::Stuck),
        };
        let page = PageRequest {
            cursor: None,
            limit: MOST,
        };
        let told = self.events_page(&filter, &page).await?;
        let is_cut = told.next.is_some();
        let mut events = told.items;
        let mut seen = HashSet::new();
        events.retain(|event| seen.insert(event.message.message_id.clone()));
        let ids = events
            .iter()
            .filter_map(|event| event.message.message_id.clone());
        let standing = self.standing(&ids.collect::<Vec<_>>()).await?;
        events.retain(|event| {
            let id = event.message.message_id.as_ref();
            let standing = id.and_then(|id| standing.get(id));
            // What cannot be read may well be stuck.
            standing.is_some_and(|now| now.state.is_none_or(|state| state == WatchState::Watching))
        });
        Ok(StuckMessages { events, is_cut })
    }
}
