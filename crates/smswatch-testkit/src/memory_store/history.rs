//! What is looked up, counted, sent again and trimmed.

use std::collections::BTreeMap;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{
    Bound, DeliveryFilter, DeliveryState, Gauges, HistoryBounds, InvalidCursor, Page, PageRequest,
    QueueGauge, Redrive, RedriveOutcome, RedrivePlace, RedriveStep, Redriven, Shard, StoreError,
    StoredDelivery, Trimmed,
};

use super::deliveries::{Delivery, Holder};
use super::{Contained, Contents, count, most};

/// Where a delivery stands on a list: which of the wanted messages it tells of, and how new it is.
type Place = (usize, i64);

fn parse(cursor: &str) -> Option<Place> {
    let (message, number) = cursor.split_once('.')?;
    Some((message.parse().ok()?, number.parse().ok()?))
}

/// The deliveries of all shards that the filter wants, newest first, those of one message before those of the
/// next.
pub(super) fn page(
    shards: &[Contained],
    filter: &DeliveryFilter,
    request: &PageRequest,
) -> Result<Page<StoredDelivery>, StoreError> {
    let after = match &request.cursor {
        None => None,
        Some(text) => Some(parse(text).ok_or(InvalidCursor)?),
    };
    let is_wanted = |one: &&Delivery| {
        filter.state.is_none_or(|state| one.state == state)
            && filter
                .sink
                .as_ref()
                .is_none_or(|sink| one.new.sink == *sink)
            && filter
                .rule
                .as_ref()
                .is_none_or(|rule| one.new.rule == *rule)
            && filter.since.is_none_or(|since| one.changed_at() >= since)
    };
    let messages = |one: &Delivery| -> Vec<usize> {
        let wanted = filter.message_ids.iter().enumerate();
        let told = wanted.filter(|(_, id)| one.new.message_ids.contains(id));
        match filter.message_ids.is_empty() {
            true => vec![0],
            false => told.map(|(place, _)| place).collect(),
        }
    };
    let all = shards.iter().flat_map(|shard| shard.deliveries.values());
    let mut found: Vec<(Place, &Delivery)> = all
        .filter(is_wanted)
        .flat_map(|one| {
            messages(one)
                .into_iter()
                .map(move |at| ((at, -one.number), one))
        })
        .filter(|(place, _)| after.is_none_or(|after| *place > after))
        .collect();
    found.sort_by_key(|(place, _)| *place);
    let is_last = found.len() <= request.limit;
    found.truncate(request.limit);
    let next = found.last().filter(|_| !is_last);
    Ok(Page {
        next: next.map(|((message, number), _)| format!("{message}.{number}")),
        items: found.iter().map(|(_, one)| one.stored()).collect(),
    })
}

pub(super) fn redrive_one(
    shards: &mut [Contained],
    id: &DeliveryId,
    action: Redrive,
    states: &[DeliveryState],
    now: Timestamp,
) -> RedriveOutcome {
    for (number, shard) in (0..).zip(shards) {
        let Some(delivery) = shard.deliveries.get(id) else {
            continue;
        };
        if !states.contains(&delivery.state) {
            return RedriveOutcome::Refused(delivery.state);
        }
        let sink = delivery.new.sink.clone();
        shard.take_up(id, action, now);
        let shard = Shard(number);
        return RedriveOutcome::Done { shard, sink };
    }
    RedriveOutcome::Unknown
}

impl Contained {
    /// Takes up or forgets ended deliveries of a sink, in the order of their end.
    pub(super) fn redrive(&mut self, step: &RedriveStep, now: Timestamp) -> Redriven {
        let place = |one: &Delivery| (one.changed_at().as_millis(), one.number);
        let after = step.after.as_ref().and_then(|after| {
            let (end, number) = after.0.split_once(' ')?;
            Some((end.parse().ok()?, number.parse().ok()?))
        });
        let since = step.since.unwrap_or(Timestamp::from_millis(i64::MIN));
        let is_wanted = |one: &&Delivery| {
            !one.is_pending()
                && (one.state, &one.new.sink) == (step.state, &step.sink)
                && step.rule.as_ref().is_none_or(|rule| one.new.rule == *rule)
                && (since..=step.until).contains(&one.changed_at())
                && after.is_none_or(|after| place(one) > after)
        };
        let found = self.deliveries.values().filter(is_wanted);
        let mut found: Vec<_> = found.map(|one| (place(one), one.new.id.clone())).collect();
        found.sort();
        let limit = most(step.limit.max(1));
        let is_last = found.len() < limit;
        found.truncate(limit);
        for (_, id) in &found {
            self.take_up(id, step.action, now);
        }
        let next = found.last().filter(|_| !is_last);
        Redriven {
            count: count(found.iter()),
            next: next.map(|((end, number), _)| RedrivePlace(format!("{end} {number}"))),
        }
    }

    /// Removes what is older or more than `bounds` allow, of which a shard has its share.
    pub(super) fn trim(&mut self, bounds: &HistoryBounds, shards: u64, now: Timestamp) -> Trimmed {
        let max = |bound: &Bound| bound.max.div_ceil(shards);
        let mut ended = |state, bound: &Bound| self.trim_ended(state, bound, max(bound), now);
        Trimmed {
            deliveries: ended(DeliveryState::Delivered, &bounds.deliveries)
                + ended(DeliveryState::Suppressed, &bounds.deliveries),
            dead: ended(DeliveryState::Dead, &bounds.dead),
            events: self.log.trim(&bounds.events, max(&bounds.events), now),
        }
    }

    fn trim_ended(&mut self, state: DeliveryState, bound: &Bound, max: u64, now: Timestamp) -> u64 {
        let ended = self.deliveries.values().filter(|one| one.state == state);
        let mut ended: Vec<_> = ended
            .map(|one| (one.changed_at(), one.number, one.new.id.clone()))
            .collect();
        ended.sort();
        let surplus = ended
            .len()
            .saturating_sub(usize::try_from(max).unwrap_or(usize::MAX));
        let too_old = now - bound.keep_for;
        let going = ended.iter().enumerate();
        let going = going.filter(|(place, (at, ..))| *place < surplus || *at < too_old);
        count(going.map(|(_, (_, _, id))| self.deliveries.remove(id)))
    }
}

impl Contents {
    /// Counts everything.
    pub(super) fn gauges(&self) -> Gauges {
        let in_state = |state| {
            let counts = self
                .shards
                .iter()
                .map(|shard| shard.watches.in_state(state));
            (state, counts.sum::<u64>())
        };
        let mut queues: BTreeMap<&str, QueueGauge> = BTreeMap::new();
        for one in self
            .shards
            .iter()
            .flat_map(|shard| shard.deliveries.values())
        {
            let queue = queues.entry(&one.new.sink).or_default();
            queue.sink.clone_from(&one.new.sink);
            match (one.state, one.holder) {
                (DeliveryState::Pending, Holder::LaterVersion) => queue.left += 1,
                (DeliveryState::Pending, _) => {
                    queue.pending += 1;
                    let since = queue.oldest.into_iter().chain([one.queued_at]);
                    queue.oldest = since.min();
                }
                (DeliveryState::Dead, _) => queue.dead += 1,
                (DeliveryState::Delivered | DeliveryState::Suppressed, _) => {}
            }
        }
        Gauges {
            watches: WatchState::ALL.map(in_state).to_vec(),
            unrouted: self.shards.iter().map(|shard| shard.log.unrouted()).sum(),
            set_aside: self.n_set_aside,
            queues: queues.into_values().collect(),
        }
    }
}
