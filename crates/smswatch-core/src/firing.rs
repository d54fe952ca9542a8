//! Which events rules do not tell because the alert of a rate fires: read from the records of those rates, in one
//! call a shard and step.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::future::try_join_all;
use smswatch_model::{Event, EventId, Timestamp};

use crate::context::Context;
use crate::rate::{Counting, KIND, Rate, RateGroups, rate_id};
use crate::rules::{RateGroup, Rules};
use crate::store::{LogPosition, RecordId, Shard, StoreError, shard_of};

/// What alerts hold back just now: by rule and event, the rate whose alert fires.
#[derive(Debug, Default)]
pub(crate) struct Firing(HashMap<(String, EventId), RateGroup>);

impl Firing {
    /// What is held back; asks the store only if something is awaited.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn read(context: &Context, wanted: Awaited) -> Result<Self, StoreError> {
        let wanted = wanted.0;
        let mut shards: BTreeMap<Shard, HashSet<RecordId>> = BTreeMap::new();
        for id in wanted.iter().map(|(_, rate)| rate_id(rate)) {
            let shard = shard_of(id.as_str(), context.store.shard_count());
            shards.entry(shard).or_default().insert(id);
        }
        let loads = shards.into_iter().map(|(shard, ids)| async move {
            let ids: Vec<RecordId> = ids.into_iter().collect();
            let load = context.store.load_records(shard, KIND, &ids);
            let records = context.call("load_records", load).await?;
            let rates = records.iter().flatten().filter_map(Rate::decode);
            let firing = rates.filter(Rate::is_firing);
            Ok::<_, StoreError>(firing.map(|rate| rate.id()).collect::<Vec<_>>())
        });
        let firing = try_join_all(loads).await?;
        let firing: HashSet<RecordId> = firing.into_iter().flatten().collect();
        Ok(Self::of(Awaited(wanted), |rate| {
            firing.contains(&rate_id(rate))
        }))
    }

    /// What is held back if the alerts of these rates fire.
    pub(crate) fn of(wanted: Awaited, fires: impl Fn(&RateGroup) -> bool) -> Self {
        // Of several rates, the one that the rule names first is told.
        let wanted = wanted.0.into_iter().rev();
        Self(wanted.filter(|(_, rate)| fires(rate)).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rate whose alert keeps `rule` from telling `event`; `None` if none does.
    pub(crate) fn rate_of(&self, rule: &str, event: &EventId) -> Option<&RateGroup> {
        if self.is_empty() {
            return None;
        }
        self.0.get(&(rule.to_owned(), event.clone()))
    }
}

/// For each rule that waits for an alert to end and each event that it matches, the rates that it names.
#[derive(Debug)]
pub(crate) struct Awaited(Vec<((String, EventId), RateGroup)>);

impl Awaited {
    pub(crate) fn by<'e>(
        rules: &dyn Rules,
        groups: &RateGroups,
        events: impl IntoIterator<Item = &'e Event>,
        now: Timestamp,
    ) -> Self {
        let mut awaited = Vec::new();
        for event in events {
            for unless in rules.unless_firing(event) {
                let rate = groups.admit(unless.rate, now);
                awaited.push(((unless.rule, event.event_id.clone()), rate));
            }
        }
        Self(awaited)
    }
}

/// Why an event is held back while the alert of this rate fires.
pub(crate) fn reason(rate: &RateGroup) -> String {
    format!("the alert of {} fires", rate.rule)
}

/// Adds to what the entry at `position` counts that events were held back while alerts fired: each event once for
/// each rate.
pub(crate) fn count_held_back(
    countings: &mut Vec<Counting>,
    held_back: &[(RateGroup, EventId)],
    position: &LogPosition,
) {
    let mut seen = HashSet::new();
    for (rate, event) in held_back {
        let id = rate_id(rate);
        if !seen.insert((id.clone(), event)) {
            continue;
        }
        match countings.iter_mut().find(|known| known.rate_id() == id) {
            Some(known) => known.held_back += 1,
            None => countings.push(Counting {
                wanted: rate.clone(),
                position: position.clone(),
                events: Vec::new(),
                held_back: 1,
                failures: Vec::new(),
            }),
        }
    }
}
