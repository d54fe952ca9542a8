//! Whether a sink takes deliveries: pure decisions over a state that all processes share.
//!
//! Three things park a sink, each for itself: its breaker is open, its receiver asked for time, or
//! somebody paused it. While one of them lasts nothing is claimed, except one delivery now and then
//! that probes whether the receiver of an open breaker is well again.
//!
//! | a probe | the breaker | the delivery |
//! |---|---|---|
//! | is taken | closes | delivered |
//! | fails | stays open; the next probe is after the interval | waits |
//! | is told to wait | stays open; the next probe is after that time, too | waits |
//! | is refused for good | stays open; another delivery probes at once, the fifth time after the interval | waits |
//! | finds that the receiver is gone | stays open; the next probe is in an hour | waits |
//!
//! A probe takes what is due, and what waits for a later attempt where nothing is. When the breaker
//! closes, all that waits is due: the schedule of a delivery that failed while the receiver was ill says
//! nothing about one that is well.
//!
//! One refusal says something about one delivery and little about the receiver. As many in a row as open
//! the breaker, of different deliveries, say that the receiver is set up so that it takes nothing: what
//! waits then stays instead of dying one by one, and dies only where a receiver refuses it that takes
//! others. A probe that is refused is followed by others at once, so that a few that nobody will ever
//! take do not hold up a receiver that works.
//!
//! A destination that a rule chose ([`Destination`]) has a breaker of its own within that of its sink
//! ([`destinations`]): its failures count for nobody else, and it alone is parked.

mod absence;
mod destinations;
mod keeper;
mod parked;
mod recall;
mod slow_start;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

pub use self::keeper::DestinationState;
use super::destination::Destination;
use crate::form;
use crate::settings::BreakerSettings;
pub(crate) use absence::Absence;
pub(crate) use destinations::Destined;
pub(crate) use keeper::{Admission, AttemptPermit, Breaker, Share, keep};
use parked::{Parked, Span};

const FORMAT: u8 = 1;

/// The longest time for which a breaker makes a delivery wait, whatever its receiver asks for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The longest pause that a receiver's `Retry-After` can cause, whatever it says.
const MAX_RETRY_AFTER: Duration = LONGEST_WAIT;

/// The shortest pause that it causes, so that the answers to one burst count as one.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often a receiver that said it is gone is probed.
const GONE_PROBE: Duration = Duration::from_secs(3600);

/// How many refused deliveries are remembered at most.
const MOST_NAMED: usize = 64;

/// How many probes in one interval may be refused for good.
const MOST_REFUSED: u32 = 5;

/// What all processes know of one sink.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Circuit {
    /// How many attempts failed in a row.
    failures: u32,
    /// What the last of them failed of.
    #[serde(default)]
    failed_of: Option<String>,
    open: Option<Open>,
    held: Option<Span>,
    paused: Option<Timestamp>,
    parked: Parked,
    /// How many times the breaker opened: tells one opening from the next.
    openings: u64,
    /// The deliveries that were refused for good since one was taken, by short names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<u64>,
    /// When the receiver was found well again, while what waits is not made due yet.
    /// Stored under the name that earlier versions gave it.
    #[serde(default, rename = "to_hasten", skip_serializing_if = "Option::is_none")]
    to_make_due: Option<Timestamp>,
    /// The destinations that are, or lately were, in trouble, by their keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    destinations: BTreeMap<String, Destined>,
    /// What a later version keeps here.
    #[serde(flatten)]
    unknown: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    since: Timestamp,
    probe_at: Timestamp,
    /// What failed when it opened.
    reason: String,
    /// The receiver said that it is gone for good.
    gone: bool,
    /// How many probes were refused since one had to wait for its time.
    #[serde(default)]
    refused: u32,
    /// The event that it opened has a name that its end can tell. Earlier versions named it otherwise.
    #[serde(default)]
    has_name: bool,
    /// What a later version keeps here.
    #[serde(flatten)]
    unknown: serde_json::Map<String, serde_json::Value>,
}

/// What an attempt said about its sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The receiver took it; a probe closes an open breaker.
    Well { is_probe: bool },
    /// It failed for this reason.
    Failed { reason: String },
    /// The receiver will never take this delivery, for this reason.
    Refused {
        reason: String,
        /// A short name of the delivery.
        delivery: u64,
        is_probe: bool,
    },
    /// The receiver wants no more for this long.
    Busy { reason: String, delay: Duration },
    /// The receiver said that it is gone for good.
    Gone { reason: String },
}

/// What others must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// The breaker opened.
    Down {
        reason: String,
        since: Timestamp,
        opening: u64,
    },
    /// The breaker closed, which was open since then.
    Recovered {
        since: Timestamp,
        opening: u64,
        /// It was told under a name that follows from these two.
        has_name: bool,
    },
}

/// Whether deliveries are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// As many as there is room for; `since` tells when that was not so last, if it ever was not.
    Open { since: Option<Timestamp> },
    /// None, except for one that probes, in the process that gets the right to it.
    Probe,
    /// None, at least until then, unless an operator resumes the sink.
    Parked { until: Option<Timestamp> },
}

impl Circuit {
    /// Reads what [`Self::encode`] wrote; `None` when it cannot be read.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        form::encode(FORMAT, self)
    }

    /// Whether the receiver is well as far as is known: a success then changes nothing.
    pub(crate) fn is_well(&self) -> bool {
        self.failures == 0 && self.refused.is_empty() && self.open.is_none()
    }

    /// Since when the breaker is open.
    pub(crate) fn open_since(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|open| open.since)
    }

    /// Since when an operator has paused the sink.
    pub(crate) fn paused_since(&self) -> Option<Timestamp> {
        self.paused
    }

    /// Until when the receiver wants nothing.
    pub(crate) fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.held.map(|held| held.to).filter(|until| now < *until)
    }

    pub(crate) fn flow(&self, now: Timestamp) -> Flow {
        if self.paused.is_some() {
            return Flow::Parked { until: None };
        }
        if let Some(until) = self.held_until(now) {
            return Flow::Parked { until: Some(until) };
        }
        match &self.open {
            Some(open) if now < open.probe_at => Flow::Parked {
                until: Some(open.probe_at),
            },
            Some(_) => Flow::Probe,
            None => Flow::Open {
                since: self.all_parked(now).end(),
            },
        }
    }

    /// When an open breaker is probed next; `None` if it is closed or the sink is paused.
    pub(crate) fn probe_at(&self, now: Timestamp) -> Option<Timestamp> {
        let open = self.open.as_ref().filter(|_| self.paused.is_none())?;
        let held = self.held_until(now);
        Some(held.map_or(open.probe_at, |until| until.max(open.probe_at)))
    }

    /// How much of the time from `from` to `now` the sink was parked.
    pub(crate) fn parked_within(&self, from: Timestamp, now: Timestamp) -> Duration {
        self.all_parked(now).within(from, now)
    }

    /// Takes in what an attempt said.
    pub(crate) fn take(
        &mut self,
        report: Report,
        settings: &BreakerSettings,
        now: Timestamp,
    ) -> Option<News> {
        self.settle(now);
        match report {
            Report::Well { is_probe: true } => self.close(now),
            Report::Well { is_probe: false } if self.open.is_none() => {
                self.failures = 0;
                self.failed_of = None;
                self.refused.clear();
                None
            }
            // It began before the breaker opened, and says nothing about the time since.
            Report::Well { is_probe: false } => None,
            Report::Failed { reason } => self.fail(reason, settings, now),
            Report::Refused { is_probe: true, .. } if self.open.is_some() => {
                self.refuse(now);
                None
            }
            Report::Refused {
                reason, delivery, ..
            } => self.refuse_one(reason, delivery, settings, now),
            Report::Busy { reason, delay } => self.hold(reason, delay, settings, now),
            Report::Gone { reason } => self.lose(reason, now),
        }
    }

    /// Takes the right to probe, if it is time for it.
    pub(crate) fn take_probe(&mut self, settings: &BreakerSettings, now: Timestamp) -> bool {
        if self.flow(now) != Flow::Probe {
            return false;
        }
        self.settle(now);
        let Some(open) = &mut self.open else {
            return false;
        };
        open.probe_at = now
            + if open.gone {
                GONE_PROBE
            } else {
                settings.probe
            };
        true
    }

    /// Holds the sink back until [`Self::resume`].
    pub(crate) fn pause(&mut self, now: Timestamp) {
        self.settle(now);
        self.paused.get_or_insert(now);
    }

    /// Ends a pause by hand and by the receiver; an open breaker is probed at once.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.settle(now);
        if let Some(from) = self.paused.take() {
            self.parked.add(Span { from, to: now });
        }
        if let Some(held) = self.held.take() {
            self.parked.add(Span {
                from: held.from,
                to: now,
            });
        }
        if let Some(open) = &mut self.open {
            open.gone = false;
            open.probe_at = now;
            open.refused = 0;
        }
        self.resume_destinations(now);
    }

    /// What failed when the breaker opened.
    pub(crate) fn open_reason(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.reason.as_str())
    }

    fn fail(&mut self, reason: String, settings: &BreakerSettings, now: Timestamp) -> Option<News> {
        if self.open.is_some() {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.failed_of = Some(reason.clone());
        if self.failures < settings.failures {
            return None;
        }
        let probe_at = now + settings.probe;
        Some(self.open(reason, false, probe_at, now))
    }

    /// Refusals of as many deliveries as open the breaker say something about the receiver.
    fn refuse_one(
        &mut self,
        reason: String,
        delivery: u64,
        settings: &BreakerSettings,
        now: Timestamp,
    ) -> Option<News> {
        if self.open.is_some() || self.refused.contains(&delivery) {
            return None;
        }
        self.refused.push(delivery);
        let most =
            usize::try_from(settings.failures).map_or(MOST_NAMED, |most| most.min(MOST_NAMED));
        if self.refused.len() < most {
            return None;
        }
        let n = self.refused.len();
        let reason = format!("{n} deliveries in a row were refused for good: {reason}");
        Some(self.open(reason, false, now + settings.probe, now))
    }

    /// Another delivery may show at once what this one could not, unless too many could not.
    fn refuse(&mut self, now: Timestamp) {
        let Some(open) = &mut self.open else { return };
        open.refused += 1;
        if open.refused < MOST_REFUSED {
            open.probe_at = open.probe_at.min(now);
        } else {
            open.refused = 0;
        }
    }

    /// However many attempts of one burst were told to wait, the receiver failed once.
    fn hold(
        &mut self,
        reason: String,
        delay: Duration,
        settings: &BreakerSettings,
        now: Timestamp,
    ) -> Option<News> {
        let until = now + delay.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER);
        if let Some(held) = &mut self.held {
            held.to = held.to.max(until);
            return None;
        }
        self.held = Some(Span {
            from: now,
            to: until,
        });
        self.fail(reason, settings, now)
    }

    fn lose(&mut self, reason: String, now: Timestamp) -> Option<News> {
        if let Some(open) = &mut self.open {
            if !open.gone {
                open.gone = true;
                open.reason = reason;
                open.probe_at = now + GONE_PROBE;
            }
            return None;
        }
        Some(self.open(reason, true, now + GONE_PROBE, now))
    }

    fn open(&mut self, reason: String, gone: bool, probe_at: Timestamp, now: Timestamp) -> News {
        self.openings += 1;
        self.open = Some(Open {
            since: now,
            probe_at,
            reason: reason.clone(),
            gone,
            refused: 0,
            has_name: true,
            unknown: serde_json::Map::new(),
        });
        News::Down {
            reason,
            since: now,
            opening: self.openings,
        }
    }

    fn close(&mut self, now: Timestamp) -> Option<News> {
        self.failures = 0;
        self.failed_of = None;
        self.refused.clear();
        let open = self.open.take()?;
        self.to_make_due = Some(now);
        self.parked.add(Span {
            from: open.since,
            to: now,
        });
        Some(News::Recovered {
            since: open.since,
            opening: self.openings,
            has_name: open.has_name,
        })
    }

    /// Remembers a hold that has passed as time parked.
    fn settle(&mut self, now: Timestamp) {
        if let Some(held) = self.held.take_if(|held| held.to <= now) {
            self.parked.add(held);
        }
    }

    /// All time parked until now, that which still lasts included.
    fn all_parked(&self, now: Timestamp) -> Parked {
        let mut all = self.parked.clone();
        let open = self.open.as_ref().map(|open| open.since);
        for from in open.into_iter().chain(self.paused) {
            all.add(Span { from, to: now });
        }
        if let Some(held) = self.held {
            all.add(Span {
                from: held.from,
                to: held.to.min(now),
            });
        }
        all
    }
}

#[cfg(test)]
mod tests;
