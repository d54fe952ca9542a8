//! Which events rules do not tell because the alert of a rate fires: read from the records of those rates, in one
//! call a shard and step.
//!
//! Processes that route the same entries at once must come to the same, or an alert would tell a wrong number of those
//! that it held back. So the rate's record says it: what counts an entry there first decides.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::future::try_join_all;
use smswatch_model::{Event, EventId, Timestamp};

use crate::context::Context;
use crate::form::beside;
use crate::rate::{Counting, KIND, Rate, RateGroups, rate_id};
use crate::rules::{RateGroup, Rules};
use crate::store::{LogPosition, RecordId, Shard, StoreError, shard_of};
use crate::taken::Source;

/// What alerts hold back of an entry.
#[derive(Debug, Default)]
pub(crate) struct Firing {
    /// By rule and event, the rate whose alert fires.
    held_back: HashMap<(String, EventId), RateGroup>,
    /// The rates whose alerts are asked about.
    asked: Vec<Asked>,
}

/// A rate whose alert is asked about.
#[derive(Debug)]
struct Asked {
    rate: RateGroup,
    fires: bool,
    /// Whether the store keeps it: of one that it does not keep no alert can fire.
    is_kept: bool,
}

impl Firing {
    /// What is held back of each entry of a source; asks the store only if something is awaited.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn read(
        context: &Context,
        source: &Source,
        wanted: Vec<(LogPosition, Awaited)>,
    ) -> Result<HashMap<LogPosition, Self>, StoreError> {
        let mut shards: BTreeMap<Shard, HashSet<RecordId>> = BTreeMap::new();
        let awaited = wanted.iter().flat_map(|(_, awaited)| &awaited.0);
        for id in awaited.map(|(_, rate)| rate_id(rate)) {
            let shard = shard_of(id.as_str(), context.store.shard_count());
            let ids = shards.entry(shard).or_default();
            ids.insert(beside(&id));
            ids.insert(id);
        }
        let loads = shards.into_iter().map(|(shard, ids)| async move {
            let ids: Vec<RecordId> = ids.into_iter().collect();
            let load = context.store.load_records(shard, KIND, &ids);
            let records = context.call("load_records", load).await?;
            let known = ids.into_iter().zip(records);
            let known = known.filter_map(|(id, record)| Some((id, Rate::decode(&record?))));
            Ok::<_, StoreError>(known.collect::<Vec<_>>())
        });
        let rates = try_join_all(loads).await?;
        let rates: HashMap<RecordId, Option<Rate>> = rates.into_iter().flatten().collect();
        let fires = |rate: &RateGroup, position: &LogPosition| {
            let id = rate_id(rate);
            let rate = match rates.get(&id)? {
                Some(rate) => Some(rate),
                // A later version has it, and this one may keep one of its own beside it.
                None => rates.get(&beside(&id))?.as_ref(),
            };
            Some(rate?.holds_back(source, position))
        };
        let wanted = wanted.into_iter();
        let entries = wanted.map(|(position, awaited)| {
            let firing = Self::of(awaited, |rate| fires(rate, &position));
            (position, firing)
        });
        Ok(entries.collect())
    }

    /// What is held back if the alerts of these rates fire; `None` of a rate that is not kept.
    pub(crate) fn of(wanted: Awaited, fires: impl Fn(&RateGroup) -> Option<bool>) -> Self {
        let mut firing = Self::default();
        // Of several rates, the one that the rule names first is told.
        for (of, rate) in wanted.0.into_iter().rev() {
            let known = firing.asked.iter().find(|asked| asked.rate == rate);
            let fires = known.map_or_else(|| fires(&rate), |asked| Some(asked.fires));
            if known.is_none() {
                firing.asked.push(Asked {
                    rate: rate.clone(),
                    fires: fires.unwrap_or_default(),
                    is_kept: fires.is_some(),
                });
            }
            if fires == Some(true) {
                firing.held_back.insert(of, rate);
            }
        }
        firing
    }

    /// Whether nothing is held back.
    pub(crate) fn is_empty(&self) -> bool {
        self.held_back.is_empty()
    }

    /// The rate whose alert keeps `rule` from telling `event`; `None` if none does.
    pub(crate) fn rate_of(&self, rule: &str, event: &EventId) -> Option<&RateGroup> {
        self.held_back.get(&(rule.to_owned(), event.clone()))
    }

    /// Adds to what the entry at `position` counts whether alerts fire, and that events were held back because of that:
    /// each event once for each rate. A rate that counts nothing of the entry hears of it, too, so that all who route it
    /// come to the same.
    pub(crate) fn count(
        &self,
        countings: &mut Vec<Counting>,
        held_back: &[(RateGroup, EventId)],
        position: &LogPosition,
    ) {
        for asked in &self.asked {
            let Asked {
                rate,
                fires,
                is_kept,
            } = asked;
            let id = rate_id(rate);
            let events = held_back.iter().filter(|(by, _)| rate_id(by) == id);
            let events: HashSet<&EventId> = events.map(|(_, event)| event).collect();
            let held_back = u64::try_from(events.len()).unwrap_or(u64::MAX);
            match countings.iter_mut().find(|known| known.rate_id() == id) {
                Some(known) => (known.fires, known.held_back) = (Some(*fires), held_back),
                None if !is_kept => {}
                None => countings.push(Counting {
                    wanted: rate.clone(),
                    position: position.clone(),
                    events: Vec::new(),
                    fires: Some(*fires),
                    held_back,
                    failures: Vec::new(),
                }),
            }
        }
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

    /// Whether no rule waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why an event is held back while the alert of this rate fires.
pub(crate) fn reason(rate: &RateGroup) -> String {
    format!("the alert of {} fires", rate.rule)
}
