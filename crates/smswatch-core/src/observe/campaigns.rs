//! Follows campaigns: asks for all their pages again and again until each message has ended. A process that stops
//! gives back those that it is at.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use smswatch_model::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Observe;
use super::asking::Asking;
use super::listing_record::{ListingRecord, MOST_PAGES, PAGE};
use super::pages::{Following, Incomplete, Told};
use super::walk::{End, Walk};
use crate::backoff::Backoff;
use crate::budget::LISTING_LEASE;
use crate::campaign::{Campaign, Endless, KIND, Next, Tally};
use crate::event::campaign_event;
use crate::provider::Listing;
use crate::store::{KeptRecord, NewEntry, Shard, StoreError};
use crate::whose::Whose;

/// How many campaigns of one shard are followed at once: a large one, whose pages take minutes, holds back no other.
const AT_ONCE: usize = 8;

/// How many pages are had at once in all: those in hand take memory.
const PAGES_AT_ONCE: usize = 16;

/// After what time a campaign is asked for again of which the store did not take everything.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Follows campaigns until it is told to stop.
pub(super) async fn run(stage: &Observe, asking: &Asking<'_>, stop: &CancellationToken) {
    let room = Semaphore::new(PAGES_AT_ONCE);
    let shards = stage.context.shards();
    let followed = shards.map(|shard| of_shard(stage, asking, &room, shard, stop));
    join_all(followed).await;
}

async fn of_shard(
    stage: &Observe,
    asking: &Asking<'_>,
    room: &Semaphore,
    shard: Shard,
    stop: &CancellationToken,
) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let queue = usize::from(shard.0);
    let (due, clock) = (&stage.campaigns, &stage.context.clock);
    let mut under_way = FuturesUnordered::new();
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => break,
            Some(followed) = under_way.next() => followed,
            () = due.wait_in(queue, clock), if under_way.len() < AT_ONCE => {
                if !due.take(queue, clock.now()) {
                    continue;
                }
                let claimed = claim(stage, shard).await;
                claimed.map(|claimed| {
                    let followed = claimed.map(|(record, campaign)| {
                        follow(stage, asking, room, shard, (record, campaign), stop)
                    });
                    under_way.extend(followed);
                    None
                })
            }
        };
        match done {
            Ok(next) => {
                backoff.succeed();
                if let Some(next) = next {
                    due.hint(queue, next);
                }
            }
            Err(_) => due.hint(queue, clock.now() + backoff.fail()),
        }
    }
    // They give their campaigns back.
    while under_way.next().await.is_some() {}
}

/// The next campaign that is due, if this version can read it.
async fn claim(
    stage: &Observe,
    shard: Shard,
) -> Result<Option<(KeptRecord, Campaign)>, StoreError> {
    let context = &stage.context;
    let claim = context.store.claim_records(shard, KIND, 1, LISTING_LEASE);
    let claimed = context.call("claim_records", claim).await?;
    if let Some(next) = claimed.next_due {
        stage.campaigns.hint(usize::from(shard.0), next);
    }
    let claimed = claimed.records.into_iter().next();
    Ok(claimed.and_then(|record| {
        let campaign = Campaign::decode(&record);
        if campaign.is_none() {
            // A later version wrote it, which can read it.
            context.metrics.unreadable.inc();
        }
        Some((record, campaign?))
    }))
}

/// Asks for all pages of one campaign; returns when it is due next, `None` if it is gone or another process has it.
async fn follow(
    stage: &Observe,
    asking: &Asking<'_>,
    room: &Semaphore,
    shard: Shard,
    (record, campaign): (KeptRecord, Campaign),
    stop: &CancellationToken,
) -> Result<Option<Timestamp>, StoreError> {
    let mut record = ListingRecord::claimed(&stage.context, shard, KIND, record);
    if !campaign.wants_pages() {
        // It was kept for its time.
        record.put_in_time(None, Vec::new(), stop).await?;
        return Ok(None);
    }
    let settings = stage.context.settings();
    let key = campaign.spelled.to_lowercase();
    let began = stage.context.clock.now();
    let turn_before = began - campaign.gap(&settings.watch, began);
    let held = (&mut record, &campaign);
    let pages = pages(stage, asking, room, held, &settings.watch, stop);
    let came = stop.run_until_cancelled(pages).await.transpose();
    let now = stage.context.clock.now();
    let Ok(came) = came else {
        // What it told was not taken in: it tells it again.
        let due = now + AGAIN_AFTER;
        let again = Some(campaign.record(due));
        let is_done = record.put_in_time(again, Vec::new(), stop).await?;
        return Ok(is_done.then_some(due));
    };
    let Some(came) = came else {
        // Another process can go on at once.
        record.give_back(campaign.record(now)).await?;
        return Ok(None);
    };
    let next = match came {
        Came::All(tally, None) => {
            let summary = tally.summary(&campaign.spelled);
            campaign.told(summary, &settings.watch, now)
        }
        Came::All(tally, Some(why)) => {
            let trouble = why.words();
            if campaign.trouble.as_ref() != Some(&trouble) {
                tracing::warn!(campaign = %key, trouble, "the pages of a campaign do not tell all of it");
            }
            let summary = tally.summary(&campaign.spelled);
            campaign.told_without_end(summary, why, &settings.watch, now)
        }
        Came::Unknown => campaign.unknown(&settings.watch, now),
        Came::Trouble(trouble) => {
            tracing::debug!(campaign = %key, trouble, "the pages of a campaign could not be had");
            let whose = Whose::message_if(asking.cooldown.has_answered_since(turn_before));
            campaign.failed(trouble, whose, &settings.watch, now)
        }
        Came::Lost => return Ok(None),
    };
    let Next {
        campaign,
        due,
        has_ended,
    } = next;
    let event = has_ended.then(|| campaign_event(&campaign, stage.context.provider, now));
    let entries = event
        .iter()
        .map(|event| NewEntry::of(std::slice::from_ref(event)))
        .collect();
    let told = Some(campaign.record(due));
    let is_done = record.put_in_time(told, entries, stop).await?;
    if let Some(event) = event.filter(|_| is_done) {
        stage.context.metrics.count_event(event.kind);
        stage.log.hint_now(shard);
    }
    Ok(is_done.then_some(due))
}

/// What asking for all pages came to.
enum Came {
    /// They told this; and why there may be more, if there may.
    All(Box<Tally>, Option<Endless>),
    /// The provider says that it knows no such campaign.
    Unknown,
    /// They could not be had.
    Trouble(String),
    /// Another process has changed the campaign meanwhile.
    Lost,
}

async fn pages(
    stage: &Observe,
    asking: &Asking<'_>,
    room: &Semaphore,
    (record, campaign): (&mut ListingRecord<'_>, &Campaign),
    settings: &crate::settings::WatchSettings,
    stop: &CancellationToken,
) -> Result<Came, StoreError> {
    let listing = Listing::Campaign(campaign.spelled.clone());
    let mut following = Following {
        registers: true,
        is_wanted: true,
        known_until: None,
        tags: campaign.tags.clone(),
        every: campaign.gap(settings, stage.context.clock.now()),
        took: Duration::ZERO,
    };
    let (mut incomplete, mut tally) = (Incomplete::default(), Tally::default());
    let mut walk = Walk::default();
    let privacy = &stage.context.privacy;
    let mut count = |messages: &[Told]| {
        for told in messages {
            tally.count(&told.spelled, &told.report, privacy);
        }
    };
    for number in 0..MOST_PAGES {
        let _place = room.acquire().await;
        let (page, asked_at) = match asking.list(stage, &listing, number, PAGE).await {
            Ok(listed) if !listed.0.is_unknown => listed,
            other => {
                // No more parts come of what waits for them.
                stage.pages.take(incomplete.rest(), &following).await?;
                return Ok(other.map_or_else(Came::Trouble, |_| Came::Unknown));
            }
        };
        following.took = stage.context.clock.now().since(asked_at);
        let end = walk.ends_with(&page);
        let mut messages = incomplete.join(page, asked_at);
        if end.is_some() {
            messages.extend(incomplete.rest());
        }
        count(&messages);
        stage.pages.take(messages, &following).await?;
        if let Some(end) = end {
            let endless = match end {
                End::All => None,
                End::Repeats => Some(Endless::Repeats),
                End::Fewer { told, said } => Some(Endless::Fewer { told, said }),
            };
            return Ok(Came::All(Box::new(tally), endless));
        }
        let held_until = stage.context.clock.now() + LISTING_LEASE;
        let held = Some(campaign.record(held_until));
        if !record.put_in_time(held, Vec::new(), stop).await? {
            return Ok(Came::Lost);
        }
    }
    let messages = incomplete.rest();
    count(&messages);
    stage.pages.take(messages, &following).await?;
    let endless = Endless::TooMany { pages: MOST_PAGES };
    Ok(Came::All(Box::new(tally), Some(endless)))
}
