//! What a sink wants to know again when more is told under the same key: the thread of a chat, for example.
//!
//! It is a convenience of sinks, and never a reason to wait: what cannot be read or written now is forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{EventKind, GroupNames, Notification, destination};

use crate::context::Context;
use crate::form;
use crate::sink::Receipt;
use crate::store::{
    KeptRecord, NewRecord, RecordChange, RecordCommit, RecordId, RecordKind, Shard, shard_of,
};

/// The records of what sinks remember.
pub(crate) const KIND: RecordKind = RecordKind::new("remembered");

const FORMAT: u8 = 1;

/// How long it is kept after it was said.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What stands in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    text: String,
}

impl Remembered {
    /// Reads a record; `None` if a later version wrote it.
    pub(crate) fn decode(record: &KeptRecord) -> Option<Self> {
        form::decode(FORMAT, &record.body)
    }
}

/// What is remembered under one key for one destination, and how the store holds it.
#[derive(Debug)]
pub(crate) struct Memory {
    shard: Shard,
    id: RecordId,
    version: Option<u64>,
    text: Option<String>,
}

impl Memory {
    /// Reads what `sink` wants to know again of what `notification` is about. `None` if that is nothing, or cannot be read
    /// just now.
    pub(crate) async fn of(
        context: &Context,
        sink: &str,
        notification: &Notification,
    ) -> Option<Self> {
        if !notification.has_lasting_key() {
            return None;
        }
        let id = id(sink, notification);
        let shard = shard_of(id.as_str(), context.store.shard_count());
        let load = context
            .store
            .load_records(shard, KIND, std::slice::from_ref(&id));
        let record = context.call("load_records", load).await.ok()?.pop()?;
        let (version, text) = match record {
            Some(record) => (
                Some(record.version),
                Some(Remembered::decode(&record)?.text),
            ),
            None => (None, None),
        };
        Some(Self {
            shard,
            id,
            version,
            text,
        })
    }

    /// What the sink asked to remember, if it has told something before.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Writes what a receipt asks to remember. If another attempt did so meanwhile, that stays.
    pub(crate) async fn keep(self, context: &Context, receipt: &Receipt) {
        let Some(text) = receipt.remembered().map(str::to_owned) else {
            return;
        };
        let commit = RecordCommit::from(RecordChange {
            kind: KIND,
            id: self.id,
            expected: self.version,
            record: Some(NewRecord {
                due: Some(context.clock.now() + KEPT),
                body: form::encode(FORMAT, &Remembered { text }),
            }),
        });
        let commits = [commit];
        let write = context.store.commit_records(self.shard, &commits);
        if let Err(error) = context.call("commit_records", write).await {
            tracing::debug!(%error, "what a sink wants to know again was not kept");
        }
    }
}

/// The record of what is remembered for the notification's key and destination.
fn id(sink: &str, notification: &Notification) -> RecordId {
    let names = GroupNames {
        rule: &notification.key,
        kind: EventKind::StatusChanged,
        values: &BTreeMap::new(),
    };
    let id = names.id(&destination(sink, &notification.overrides));
    RecordId::new(id).expect("it is a prefix and hexadecimal digits")
}
