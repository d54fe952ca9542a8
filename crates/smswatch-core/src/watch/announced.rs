//! Under which date the status of each part was announced.
//!
//! A later report of the same status moves the part's date and is no news; the event keeps the name
//! that it was told under, by which a later one that refines it finds it.

use std::collections::BTreeMap;

use smswatch_model::{Change, EventId, MessageId, SmsId, Snapshot, StatusAt, Timestamp};
use smswatch_model::{Part, change_event_id};

/// The dates in whole seconds, for those parts whose own date has moved on since.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Announced(BTreeMap<SmsId, i64>);

impl Announced {
    /// What was announced once `changes` are, which made `after` of `before`.
    pub(crate) fn after(&self, changes: &[Change], before: &Snapshot, after: &Snapshot) -> Self {
        let date = |part: &Part| {
            let is_same = |sms_id: &SmsId| *sms_id == part.sms_id;
            let changed = changes.iter().rev().find(|change| is_same(&change.sms_id));
            if let Some(change) = changed {
                return Some(change.current.date.as_seconds());
            }
            let known = before.parts.iter().find(|known| is_same(&known.sms_id));
            let known = known.map(|known| known.date);
            self.0.get(&part.sms_id).copied().or(known)
        };
        // What has a detail cannot be refined any more.
        let open = after.parts.iter();
        let open = open.filter(|part| part.detailed_status().is_none());
        let moved = open.filter_map(|part| {
            let date = date(part).filter(|date| *date != part.date)?;
            Some((part.sms_id.clone(), date))
        });
        Self(moved.collect())
    }

    /// The event that told the status which `change` refines, if it refines one; `earlier` are the
    /// changes that the same observation brought before it.
    pub(crate) fn refined_by(
        &self,
        change: &Change,
        earlier: &[Change],
        message_id: &MessageId,
    ) -> Option<EventId> {
        let previous = change.previous.as_ref().filter(|_| change.refined)?;
        let just_now = earlier
            .iter()
            .rev()
            .find(|earlier| earlier.sms_id == change.sms_id);
        let date = match just_now {
            Some(earlier) => earlier.current.date,
            None => self
                .0
                .get(&change.sms_id)
                .map_or(previous.date, |date| Timestamp::from_seconds(*date)),
        };
        let told = StatusAt {
            status: previous.status.clone(),
            detailed_status: None,
            date,
        };
        let (sms_id, regressions) = (&change.sms_id, change.regressions);
        Some(change_event_id(message_id, sms_id, &told, regressions))
    }

    /// The dates by part.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&SmsId, i64)> {
        self.0.iter().map(|(sms_id, date)| (sms_id, *date))
    }
}

impl FromIterator<(SmsId, i64)> for Announced {
    fn from_iter<I: IntoIterator<Item = (SmsId, i64)>>(dates: I) -> Self {
        Self(dates.into_iter().collect())
    }
}
