//! Many messages, put together from the rows of one page or one callback.

use std::collections::HashMap;

use smswatch_plugin::model::MessageId;
use smswatch_plugin::provider::MessageReport;

use crate::guid;
use crate::item::Item;
use crate::loose::clean;
use crate::message::Told;

/// How many rows of one body are kept; the largest page that Routee gives out has 2,000.
const MAX_ROWS: usize = 5000;

/// The messages that rows told of, in the order in which they were first named.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    told: Vec<(MessageId, Told)>,
    places: HashMap<MessageId, usize>,
    rows: usize,
}

impl Messages {
    /// Takes a row; returns whether it names a message and there is room for it.
    pub(crate) fn take(&mut self, item: Item) -> bool {
        let Some(id) = id(&item).filter(|_| self.rows < MAX_ROWS) else {
            return false;
        };
        self.rows += 1;
        let place = *self.places.entry(id).or_insert_with_key(|id| {
            self.told.push((id.clone(), Told::default()));
            self.told.len() - 1
        });
        let (id, told) = &mut self.told[place];
        told.take(id, item);
        true
    }

    /// Whether no row named a message.
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Leaves out the messages of which no part can be told; returns how many rows that were.
    pub(crate) fn leave_out_the_untold(&mut self) -> u32 {
        let mut rows = 0_u32;
        self.told.retain(|(_, told)| {
            if told.is_empty() {
                rows = rows.saturating_add(told.odd_rows());
            }
            !told.is_empty()
        });
        rows
    }

    /// What was told of each.
    pub(crate) fn into_reports(self) -> Vec<(MessageId, MessageReport)> {
        let report = |(id, told): (MessageId, Told)| {
            let report = told.into_report(&id, false);
            (id, report)
        };
        self.told.into_iter().map(report).collect()
    }
}

/// The message that a row names, in Routee's own spelling of its id.
fn id(item: &Item) -> Option<MessageId> {
    let id = clean(item.message_id.0.as_deref()?);
    match guid::canonical(&id) {
        Some(guid) => MessageId::new(guid).ok(),
        None => MessageId::new(id).ok(),
    }
}
