//! The throttles that one step can come across: read in one call a shard, asked in memory, and written before
//! what they let through.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::future::try_join_all;
use smswatch_model::{Event, EventKind, GroupNames, Timestamp, destination};

use crate::context::Context;
use crate::form::beside;
use crate::group::Group;
use crate::rules::{RuleMatch, Rules, Throttle, Throttled};
use crate::store::{
    KeptRecord, LogPosition, MAX_STEP_BYTES, RecordChange, RecordCommit, RecordId, Shard,
    StoreError, shard_of, split,
};
use crate::throttle::{Answer, AskedAlert, Asker, KIND, Slots};

/// How often a step is tried while others change its throttles.
pub(crate) const TRIES: u32 = 100;

/// A rule, and the name of a destination.
type Target = (String, String);

/// The throttles of a step.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    wanted: BTreeMap<Target, Throttle>,
    known: HashMap<Target, Known>,
    /// Whether the step that asked is late.
    is_late: bool,
}

/// A throttle, and how the store holds it.
#[derive(Debug)]
struct Known {
    id: RecordId,
    version: Option<u64>,
    slots: Slots,
    is_changed: bool,
}

/// Where what is asked for comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) source: &'a str,
    pub(crate) settled: &'a LogPosition,
    pub(crate) is_certain: bool,
    pub(crate) position: &'a LogPosition,
}

impl Origin<'_> {
    fn asker<'a>(&'a self, kind: EventKind, alert: Option<&'a AskedAlert>) -> Asker<'a> {
        Asker {
            source: self.source,
            settled: self.settled,
            is_certain: self.is_certain,
            position: self.position,
            kind,
            alert,
        }
    }
}

impl Throttles {
    /// Those that these events can come across; none are read yet.
    pub(crate) fn of<'e>(rules: &dyn Rules, events: impl IntoIterator<Item = &'e Event>) -> Self {
        let events = events.into_iter();
        Self::wanting(events.flat_map(|event| rules.throttled(event)))
    }

    /// These throttles; none are read yet.
    pub(crate) fn wanting(throttled: impl IntoIterator<Item = Throttled>) -> Self {
        let wanted = throttled.into_iter();
        let wanted = wanted.map(|known| ((known.rule, known.destination), known.throttle));
        Self {
            wanted: wanted.collect(),
            known: HashMap::new(),
            is_late: false,
        }
    }

    /// Keeps these in memory, beside those that are there.
    pub(crate) fn keep(&mut self, throttled: impl IntoIterator<Item = Throttled>) {
        for known in throttled {
            let place = (known.rule, known.destination);
            self.known.entry(place.clone()).or_insert_with(|| Known {
                id: id(&place),
                version: None,
                slots: Slots::default(),
                is_changed: false,
            });
            self.wanted.insert(place, known.throttle);
        }
    }

    /// Why the throttle of its rule holds back what the group in the record `id` tells; `None` if it does not.
    pub(crate) fn refuses_group(
        &mut self,
        id: &RecordId,
        group: &Group,
        now: Timestamp,
    ) -> Option<Arc<str>> {
        let throttled = group.throttled()?;
        let place = (throttled.rule, throttled.destination);
        // A generation is told in the step that begins the next one.
        let position = |generation: u64| LogPosition(generation.to_string());
        let origin = Origin {
            source: &format!("group:{}", id.as_str()),
            settled: &position(group.generation.saturating_sub(1)),
            is_certain: false,
            position: &position(group.generation),
        };
        self.refuses_at(&place, group.kind, None, origin, now)
    }

    /// Whether the step that asked is late: another process has routed its entries, and what it comes to is of no use.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Reads them, and forgets what was asked of them before.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn read(&mut self, context: &Context) -> Result<(), StoreError> {
        self.known.clear();
        self.is_late = false;
        let own = |place: &Target| (place.clone(), id(place));
        let mut missing: Vec<(Target, RecordId)> = self.wanted.keys().map(own).collect();
        for is_last in [false, true] {
            let mut unreadable = Vec::new();
            for (place, id, record) in load(context, missing).await? {
                let slots = record.as_ref().map(Slots::decode);
                if let (Some(None), false) = (&slots, is_last) {
                    // A later version has it: this one keeps one of its own beside it.
                    context.metrics.unreadable.inc();
                    unreadable.push((place, beside(&id)));
                    continue;
                }
                let known = Known {
                    id,
                    version: record.map(|record| record.version),
                    slots: slots.flatten().unwrap_or_default(),
                    is_changed: false,
                };
                self.known.insert(place, known);
            }
            missing = unreadable;
        }
        Ok(())
    }

    /// Why a match that tells events of `kind` at once is held back; `None` if it is not.
    pub(crate) fn refuses(
        &mut self,
        rule_match: &RuleMatch,
        kind: EventKind,
        alert: Option<&AskedAlert>,
        origin: Origin<'_>,
        now: Timestamp,
    ) -> Option<Arc<str>> {
        let is_at_once = rule_match.gathering.is_none();
        is_at_once.then(|| self.refuses_at(&place(rule_match), kind, alert, origin, now))?
    }

    /// Why a notification to this place is held back; `None` if it is not.
    pub(crate) fn refuses_at(
        &mut self,
        place: &Target,
        kind: EventKind,
        alert: Option<&AskedAlert>,
        origin: Origin<'_>,
        now: Timestamp,
    ) -> Option<Arc<str>> {
        let throttle = *self.wanted.get(place)?;
        let known = self.known.get_mut(place)?;
        match known.slots.ask(throttle, &origin.asker(kind, alert), now) {
            Answer::Given { is_new } => {
                known.is_changed |= is_new;
                None
            }
            Answer::Refused => Some(throttle.reason(&place.0).into()),
            Answer::Late => {
                self.is_late = true;
                Some(throttle.reason(&place.0).into())
            }
        }
    }

    /// Keeps in mind that these were refused, because a part of their entry can be queued before the rest.
    pub(crate) fn remember<'m>(
        &mut self,
        refused: impl IntoIterator<Item = (&'m RuleMatch, EventKind)>,
        origin: Origin<'_>,
        now: Timestamp,
    ) {
        for (rule_match, kind) in refused {
            let place = place(rule_match);
            let throttle = self.wanted.get(&place);
            if let (Some(throttle), Some(known)) = (throttle, self.known.get_mut(&place)) {
                known
                    .slots
                    .refuse(&origin.asker(kind, None), throttle.per, now);
                known.is_changed = true;
            }
        }
    }

    /// Writes those that changed; `false` if others changed one meanwhile: then they are to be read and asked
    /// again. What was written stays with whom it was given to.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn write(
        &self,
        context: &Context,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut shards: BTreeMap<Shard, Vec<RecordCommit>> = BTreeMap::new();
        let changed = self.known.iter().filter(|(_, known)| known.is_changed);
        for (place, known) in changed {
            let change = RecordChange {
                kind: KIND,
                id: known.id.clone(),
                expected: known.version,
                record: Some(known.slots.record(self.wanted[place], now)),
            };
            let shard = shard_of(id(place).as_str(), context.store.shard_count());
            shards.entry(shard).or_default().push(change.into());
        }
        let steps = shards.into_iter().flat_map(|(shard, commits)| {
            let steps = split(commits, RecordCommit::bytes, MAX_STEP_BYTES).into_iter();
            steps.map(move |commits| (shard, commits))
        });
        let written = steps.map(|(shard, commits)| async move {
            let commit = context.store.commit_records(shard, &commits);
            let committed = context.call("commit_records", commit).await?;
            Ok::<_, StoreError>(committed.done.into_iter().all(|is_done| is_done))
        });
        let written = try_join_all(written).await?;
        Ok(written.into_iter().all(|is_done| is_done))
    }
}

/// Reads these records, those of one shard together.
async fn load(
    context: &Context,
    wanted: Vec<(Target, RecordId)>,
) -> Result<Vec<(Target, RecordId, Option<KeptRecord>)>, StoreError> {
    let mut shards: BTreeMap<Shard, Vec<(Target, RecordId)>> = BTreeMap::new();
    for (place, record) in wanted {
        let shard = shard_of(id(&place).as_str(), context.store.shard_count());
        shards.entry(shard).or_default().push((place, record));
    }
    let loads = shards.into_iter().map(|(shard, wanted)| async move {
        let ids: Vec<RecordId> = wanted.iter().map(|(_, id)| id.clone()).collect();
        let load = context.store.load_records(shard, KIND, &ids);
        let records = context.call("load_records", load).await?;
        let loaded = wanted.into_iter().zip(records);
        let loaded = loaded.map(|((place, id), record)| (place, id, record));
        Ok::<_, StoreError>(loaded.collect::<Vec<_>>())
    });
    let loaded = try_join_all(loads).await?;
    Ok(loaded.into_iter().flatten().collect())
}

fn place(rule_match: &RuleMatch) -> Target {
    let destination = destination(&rule_match.sink, &rule_match.overrides);
    (rule_match.rule.clone(), destination)
}

/// The record of a throttle.
fn id((rule, destination): &Target) -> RecordId {
    let names = GroupNames {
        rule,
        kind: EventKind::StatusChanged,
        values: &BTreeMap::new(),
    };
    RecordId::new(names.id(destination)).expect("it is a prefix and hexadecimal digits")
}
