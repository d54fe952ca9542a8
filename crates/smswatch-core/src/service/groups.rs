//! The groups that are about to be told, the earliest first.

use std::collections::BTreeMap;

use smswatch_model::{Event, Timestamp};

use super::Service;
use super::error::ServiceError;
use crate::group::{Group, KIND};
use crate::store::PageRequest;

/// How many groups are read at once. Each holds up to a hundred events.
const AT_ONCE: usize = 20;

/// How many groups, and how many bytes of them, are read at most.
const MOST: usize = 400;
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// A group of events that is told when its time comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingGroup {
    /// The rule.
    pub rule: String,
    /// The sink that is notified.
    pub sink: String,
    /// What its events share.
    pub values: BTreeMap<String, String>,
    /// How many events it has.
    pub events: u64,
    /// When the first of them was noticed.
    pub since: Option<Timestamp>,
    /// When it is told.
    pub due: Timestamp,
}

/// The groups that are about to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitingGroups {
    /// Those that were read, the earliest first.
    pub groups: Vec<WaitingGroup>,
    /// Whether there may be more: not all were read, or this version cannot read one.
    pub is_cut: bool,
}

impl Service {
    /// The groups that are about to be told. However many there are, a bounded number of them is read.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn waiting_groups(&self) -> Result<WaitingGroups, ServiceError> {
        let (mut groups, mut cursor) = (Vec::new(), None);
        let (mut n_read, mut n_bytes, mut has_unreadable) = (0, 0, false);
        let is_cut = loop {
            let page = PageRequest {
                cursor,
                limit: AT_ONCE,
            };
            let records = self.context.store.records(KIND, &page);
            let records = self.context.call("records", records).await?;
            n_read += records.items.len().max(1);
            n_bytes += records
                .items
                .iter()
                .map(|one| one.body.len())
                .sum::<usize>();
            for record in &records.items {
                match Group::decode(record) {
                    Some(group) => groups.extend(waiting(group, record.due)),
                    None => has_unreadable = true,
                }
            }
            cursor = records.next;
            let is_enough = n_read >= MOST || n_bytes >= MOST_BYTES;
            if cursor.is_none() || is_enough {
                break cursor.is_some();
            }
        };
        groups.sort_by_key(|group| group.due);
        Ok(WaitingGroups {
            groups,
            is_cut: is_cut || has_unreadable,
        })
    }
}

/// A group that is due then, if it has something to tell.
fn waiting(group: Group, due: Option<Timestamp>) -> Option<WaitingGroup> {
    let events = group.size();
    if events == 0 {
        return None;
    }
    let noticed = |event: &Event| event.detected_at;
    Some(WaitingGroup {
        events,
        since: group.events.iter().map(noticed).min(),
        due: due?,
        rule: group.rule,
        sink: group.sink,
        values: group.values,
    })
}
