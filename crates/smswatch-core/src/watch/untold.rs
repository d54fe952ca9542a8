//! Which parts nobody was told of: their statuses were old when a source found the message, and were only recorded.
//!
//! When a user registers the message later, they are told at its next observation, which has the facts that rules match.

use std::collections::BTreeSet;

use smswatch_model::{Change, Observation, Part, PartReport, SmsId, Snapshot};

/// The parts whose statuses were recorded and told to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Untold(BTreeSet<SmsId>);

impl Untold {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, part: &Part) -> bool {
        self.0.contains(&part.sms_id)
    }

    /// What is left of it once `changes` are told, which made `after` of `before`. A part that takes its name by them stays.
    pub(crate) fn after(&self, changes: &[Change], before: &Snapshot, after: &Snapshot) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let known = |snapshot: &Snapshot, sms_id: &SmsId| {
            let mut parts = snapshot.parts.iter();
            parts.any(|part| part.sms_id == *sms_id)
        };
        let has_lost_a_name = self.0.iter().any(|sms_id| !known(after, sms_id));
        let is_left = |part: &&Part| {
            let is_renamed = has_lost_a_name && !known(before, &part.sms_id);
            let is_told = changes.iter().any(|change| change.sms_id == part.sms_id);
            !is_told && (is_renamed || self.has(part))
        };
        let left = after.parts.iter().filter(is_left);
        left.map(|part| part.sms_id.clone()).collect()
    }

    /// Takes these parts in as well.
    pub(crate) fn extend(&mut self, parts: impl IntoIterator<Item = SmsId>) {
        self.0.extend(parts);
    }

    /// The first sight of these parts, as `snapshot` knows them after `observation`.
    pub(crate) fn first_sights(
        &self,
        snapshot: &Snapshot,
        observation: &Observation,
    ) -> Vec<Change> {
        let untold = snapshot.parts.iter().filter(|part| self.has(part));
        let first_sight = |part: &Part| {
            let is_of_it =
                |report: &&PartReport| report.sms_id == part.sms_id && report.status == part.status;
            let report = observation.parts.iter().find(is_of_it);
            Change {
                sms_id: part.sms_id.clone(),
                number: part.number,
                previous: None,
                current: part.status_at(),
                description: report.and_then(|report| report.description.clone()),
                price: report.and_then(|report| report.price.clone()),
                latency: report.and_then(|report| report.latency.clone()),
                regression: false,
                refined: false,
                regressions: part.regressions,
            }
        };
        untold.map(first_sight).collect()
    }
}

impl FromIterator<SmsId> for Untold {
    fn from_iter<I: IntoIterator<Item = SmsId>>(parts: I) -> Self {
        Self(parts.into_iter().collect())
    }
}
