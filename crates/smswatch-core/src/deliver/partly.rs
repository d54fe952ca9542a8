//! What becomes of a delivery that only some of its destinations took.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use smswatch_model::{EventKind, Notification, Overrides, destination};

use super::fallback;
use super::{Deliver, SinkUnit};
use crate::notification;
use crate::sink::Receipt;
use crate::store::{Completion, NewDelivery, Shard};

/// For how many sets of destinations it is kept who was refused; the rules name few.
const MAX_KEPT: usize = 64;

/// Who was refused for good by a sink that delivered to the others, by the overrides of rules.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<String, String>>);

impl Refusals {
    /// Notes whom the latest delivery with these overrides left out. An empty list ends the trouble.
    /// Returns whether that changed anything.
    pub(crate) fn note(&self, overrides: &Overrides, receipt: &Receipt) -> bool {
        let mut refusals = self.lock();
        // Most deliveries reach everybody, and then nothing is built to look up.
        if receipt.refusals().is_none() && refusals.is_empty() {
            return false;
        }
        let destinations = destination("", overrides);
        let Some(refused) = receipt.refusals() else {
            return refusals.remove(&destinations).is_some();
        };
        if refusals.len() >= MAX_KEPT && !refusals.contains_key(&destinations) {
            refusals.pop_first();
        }
        let before = refusals.insert(destinations, refused.to_owned());
        before.as_deref() != Some(refused)
    }

    /// Who is left out, in words; `None` if all recipients were reached.
    pub(crate) fn trouble(&self) -> Option<String> {
        let refusals = self.lock();
        let mut told: Vec<&str> = refusals.values().map(String::as_str).collect();
        told.dedup();
        (!told.is_empty()).then(|| told.join("; "))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The delivery to those whom `receipt` says could not be reached yet, or `None` if all were, or if
/// it was only tried whether the sink works.
pub(crate) fn rest(
    sink: &str,
    notification: &Notification,
    receipt: &Receipt,
) -> Option<NewDelivery> {
    let overrides = receipt.rest()?.clone();
    if notification.kind == EventKind::Test {
        return None;
    }
    let notification = notification.clone();
    Some(notification::readdressed(notification, sink, overrides))
}

/// Has the deliveries sent that were queued in place of what ended: the rest of some to the same sink,
/// and of `added` new ones all others to its fallback.
pub(crate) fn queued_instead(
    stage: &Deliver,
    unit: &SinkUnit,
    shard: Shard,
    completions: &[Completion],
    added: u64,
) {
    let queued = completions.iter();
    let queued = queued.filter_map(|completion| completion.fallback.as_ref());
    let (rests, others): (Vec<_>, Vec<_>) =
        queued.partition(|delivery| delivery.sink == unit.name());
    for rest in &rests {
        unit.inbox.queued(shard, rest.priority, 1);
    }
    // The store counts both kinds together; one that it had already is rare, and says little.
    let most = u64::try_from(others.len()).unwrap_or(u64::MAX);
    fallback::handed_over(stage, unit, shard, others, added.min(most));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn overrides(to: &[&str]) -> Overrides {
        Overrides::from_iter([("to".to_owned(), json!(to))])
    }

    #[test]
    fn who_is_refused_is_trouble_until_all_of_the_same_destinations_are_reached() {
        let refusals = Refusals::default();
        let own = Overrides::new();
        assert_eq!(refusals.trouble(), None);
        assert!(refusals.note(&own, &Receipt::new("ok").left_out("gone is refused")));
        assert!(!refusals.note(&own, &Receipt::new("ok").left_out("gone is refused")));
        assert!(!refusals.note(&overrides(&["b"]), &Receipt::new("ok")));
        assert_eq!(refusals.trouble().as_deref(), Some("gone is refused"));
        assert!(refusals.note(&own, &Receipt::new("ok")));
        assert_eq!(refusals.trouble(), None);
    }

    #[test]
    fn refusals_of_many_destinations_are_bounded() {
        let refusals = Refusals::default();
        for n in 0..(MAX_KEPT + 10) {
            let overrides = overrides(&[&format!("{n}@example.com")]);
            refusals.note(&overrides, &Receipt::new("ok").left_out(n));
        }
        assert_eq!(refusals.lock().len(), MAX_KEPT);
    }
}
