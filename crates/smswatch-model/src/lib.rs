//! The nouns of smswatch, and the one decision that needs nothing but them: [`diff`].
//!
//! Nothing here waits, reads a clock or knows another program's words.

mod campaign;
mod diff;
mod digest;
mod direction;
mod event;
mod event_kind;
mod fault;
mod id;
mod notification;
mod observation;
mod phone;
mod plain;
mod snapshot;
mod status;
mod timestamp;
mod trace_id;

pub use campaign::{CampaignOperator, CampaignSummary};
pub use diff::{AGREEMENT_GAP, Change, Diff, diff};
pub use digest::{Digest, DigestRow};
pub use direction::{turns_direction, without_turns};
pub use event::{
    About, CurrentStatus, Event, Message, PartFacts, PreviousStatus, Repeated, change_event_id,
    deadline_event_id, derived_event_id, unknown_status_event_id,
};
pub use event_kind::EventKind;
pub use fault::{Fault, FaultTable};
pub use id::{DeliveryId, EventId, InvalidId, MessageId, NotificationId, SmsId};
pub use notification::{
    Alert, AlertState, Common, GroupNames, Link, Notification, Overrides, Severity, delivery_id,
    destination, digest_ids, group_delivery_id, notification_id, percent,
};
pub use observation::{MessageFacts, MessageText, Observation, PartReport, Source};
pub use phone::{PhoneNumber, mask_digits, mask_numbers, mask_possible_numbers, without_digits};
pub use plain::{plain_instant, plain_word};
pub use snapshot::{Candidate, DetailWord, Outcome, Part, Snapshot, StatusAt};
pub use status::Word;
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use trace_id::{SpanId, TraceId};

/// The labels that a user gave to a watch, by name.
pub type Tags = std::collections::BTreeMap<String, String>;
