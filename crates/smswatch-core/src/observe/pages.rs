//! Takes in pages of many messages: what is the same as before costs no write, what changed goes the way of
//! every change.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use smswatch_model::{MessageId, Observation, Source, Tags, Timestamp};

use crate::context::Context;
use crate::inbox::changes::{Observed, Reply, Request};
use crate::inbox::requests::{Requests, Stored, Wanted};
use crate::metrics::ObservationLabels;
use crate::provider::{ListedPage, MessageReport};
use crate::record::WatchState;
use crate::rules::Rules;
use crate::store::{Shard, StoreError};
use crate::watch::lifecycle::{Effect, Lifecycle};

/// In how many shards a page is taken in at once: what is in flight takes memory.
const SHARDS_AT_ONCE: usize = 4;

/// How many messages wait at once for parts that another page may tell.
const MOST_INCOMPLETE: usize = 5_000;

/// What taking pages in touches.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) context: Arc<Context>,
    pub(crate) requests: Requests,
    /// They say when a message is stuck.
    pub(crate) rules: Arc<dyn Rules>,
}

/// What is to become of the messages of a listing.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    /// Whether messages that are not registered are watched from then on.
    pub(crate) registers: bool,
    /// Whether a user has registered the listing, and is to be told of all its messages, however old their statuses are.
    pub(crate) is_wanted: bool,
    /// Up to when the listing had told all there was, if that is known.
    pub(crate) known_until: Option<Timestamp>,
    /// The tags that these get.
    pub(crate) tags: Tags,
    /// How often the listing is asked for.
    pub(crate) every: Duration,
    /// How long the page took that was had last.
    pub(crate) took: Duration,
}

/// What a listing told, all in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    /// Of how many messages it told.
    pub(crate) messages: u64,
    /// How many of them were not watched before.
    pub(crate) new: u64,
    /// How many were written.
    pub(crate) written: u64,
}

impl AddAssign for Findings {
    fn add_assign(&mut self, more: Self) {
        self.messages += more.messages;
        self.new += more.new;
        self.written += more.written;
    }
}

/// What a page told of one message.
#[derive(Debug)]
pub(crate) struct Told {
    /// The id as the provider spelled it.
    pub(crate) spelled: MessageId,
    pub(crate) report: MessageReport,
    /// When the page was asked for; the first one if several told of it.
    pub(crate) asked_at: Timestamp,
}

/// Messages of which some parts have come, by their ids in lower case.
#[derive(Debug, Default)]
pub(crate) struct Incomplete(BTreeMap<MessageId, Told>);

impl Incomplete {
    /// The messages that a page completes which was asked for then; the others wait for later pages.
    pub(crate) fn join(&mut self, page: ListedPage, asked_at: Timestamp) -> Vec<Told> {
        let mut complete = Vec::with_capacity(page.messages.len());
        for (spelled, report) in page.messages {
            let key = spelled.to_lowercase();
            let told = match self.0.remove(&key) {
                Some(known) => Told {
                    report: joined(known.report, report),
                    ..known
                },
                None => Told {
                    spelled,
                    report,
                    asked_at,
                },
            };
            let n_parts = usize::try_from(told.report.facts.part_count.unwrap_or(1));
            if n_parts.is_ok_and(|n_parts| told.report.parts.len() >= n_parts) {
                complete.push(told);
            } else {
                self.0.insert(key, told);
            }
        }
        if self.0.len() > MOST_INCOMPLETE {
            complete.extend(self.rest());
        }
        complete
    }

    /// Those of which no more parts have come.
    pub(crate) fn rest(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.0).into_values().collect()
    }
}

/// What two pages tell of one message.
fn joined(mut known: MessageReport, more: MessageReport) -> MessageReport {
    for part in more.parts {
        // The later answer holds for a part that both tell.
        known.parts.retain(|known| known.sms_id != part.sms_id);
        known.parts.push(part);
    }
    known.oddities.parts += more.oddities.parts;
    known.oddities.dates += more.oddities.dates;
    known
}

impl Pages {
    /// Takes in what a listing told of messages.
    ///
    /// # Errors
    ///
    /// The store did not take all of it; the next listing tells it again.
    pub(crate) async fn take(
        &self,
        messages: Vec<Told>,
        following: &Following,
    ) -> Result<Findings, StoreError> {
        let mut by_shard: BTreeMap<Shard, BTreeMap<MessageId, Observed>> = BTreeMap::new();
        for told in messages {
            let Told {
                spelled,
                report,
                asked_at,
            } = told;
            self.context.count_oddities(report.oddities);
            if report.parts.is_empty() {
                continue;
            }
            let key = spelled.to_lowercase();
            let observed = Observed {
                observation: Observation {
                    source: Source::Sweep,
                    // What was found while it was under way is newer.
                    observed_at: asked_at,
                    facts: report.facts,
                    parts: report.parts,
                },
                spelled,
                registers: following.registers,
                is_wanted: following.is_wanted,
                known_until: following.known_until,
                tags: following.tags.clone(),
                every: following.every,
                took: following.took,
            };
            let shard = self.context.shard_of_key(&key);
            by_shard.entry(shard).or_default().insert(key, observed);
        }
        let taken = by_shard
            .into_iter()
            .map(|(shard, observed)| self.take_in(shard, observed));
        stream::iter(taken)
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(Findings::default(), async |mut all, found| {
                all += found;
                Ok(all)
            })
            .await
    }

    async fn take_in(
        &self,
        shard: Shard,
        observed: BTreeMap<MessageId, Observed>,
    ) -> Result<Findings, StoreError> {
        let keys: Vec<MessageId> = observed.keys().cloned().collect();
        let stored = self.requests.load(shard, &keys).await?;
        let n_messages = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        let mut wanted = Vec::new();
        {
            let settings = self.context.settings();
            let stuck_after = self.rules.stuck_after();
            let lifecycle = Lifecycle::of(&self.context, &settings, &stuck_after);
            for ((key, observed), stored) in observed.into_iter().zip(stored) {
                // What this version cannot read is left to the one that wrote it.
                let Ok(stored) = stored else { continue };
                if self.is_news(&lifecycle, &key, &stored, &observed) {
                    let request = Request::Observe(Box::new(observed));
                    wanted.push(Wanted::new(key, stored, request));
                }
            }
        }
        let n_same = n_messages - u64::try_from(wanted.len()).unwrap_or(n_messages);
        self.count_same(n_same);
        let mut findings = Findings {
            messages: n_messages,
            ..Findings::default()
        };
        if wanted.is_empty() {
            return Ok(findings);
        }
        for reply in self.requests.submit(shard, wanted).await? {
            match reply {
                Reply::Failed(error) => return Err(error),
                Reply::New => {
                    findings.new += 1;
                    findings.written += 1;
                }
                Reply::Known => findings.written += 1,
                _ => {}
            }
        }
        Ok(findings)
    }

    fn count_same(&self, count: u64) {
        let labels = ObservationLabels {
            source: Source::Sweep.as_str(),
            result: "same",
        };
        let same = self.context.metrics.observations.get_or_create(&labels);
        same.inc_by(count);
    }

    /// Whether an observation changes anything of a watch, or begins one.
    fn is_news(
        &self,
        lifecycle: &Lifecycle<'_>,
        key: &MessageId,
        stored: &Stored,
        observed: &Observed,
    ) -> bool {
        let Some((_, watch)) = stored else {
            return observed.registers;
        };
        if watch.state == WatchState::Removed {
            return false;
        }
        let lifecycle = Lifecycle {
            sweep_every: observed.every,
            ..*lifecycle
        };
        let (now, random) = (self.context.clock.now(), 0.5);
        let wanted = observed.watch(watch);
        let applied = lifecycle.apply_seen(
            Effect::Continues,
            key,
            &wanted,
            &observed.observation,
            now,
            random,
        );
        !applied.events.is_empty() || applied.watch != *watch
    }
}
