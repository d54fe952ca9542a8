//! A campaign that is followed as a whole: what is kept of it, how its pages are counted, and when it has ended.
//! Pure decisions.

mod tally;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{CampaignSummary, MessageId, Tags, Timestamp};

pub(crate) use self::tally::Tally;
use crate::form;
use crate::schedule;
use crate::settings::WatchSettings;
use crate::store::{KeptRecord, NewRecord, RecordId, RecordKind};
use crate::whose::Whose;

pub(crate) const KIND: RecordKind = RecordKind::new("campaign");

const FORMAT: u8 = 1;

/// How long it is waited at least until the pages of a campaign are asked for again.
const SHORTEST_GAP: Duration = Duration::from_secs(10);

/// For how long no message must have come on top until a campaign counts as over, unless `not_found_grace` is shorter:
/// one that is being sent may pause.
const QUIET: Duration = Duration::from_secs(30);

/// How often it is looked for messages that come on top after all, so that none is told as old news.
const STRAGGLERS: Duration = Duration::from_secs(5 * 60);

/// After which part of `confirm_after` its pages are asked for once more.
const CONFIRMED_AFTER: f64 = 0.9;

/// What state a campaign is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Its pages are asked for.
    Watching,
    /// Each of its messages has ended.
    Final,
    /// It had not ended when its time was over.
    GaveUp,
    /// The provider told no message of it.
    NotFound,
}

/// A campaign as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Campaign {
    /// The id as it was registered.
    pub(crate) spelled: MessageId,
    pub(crate) tags: Tags,
    pub(crate) registered_at: Timestamp,
    pub(crate) state: State,
    /// How often its pages were had: the place in the schedule.
    step: u32,
    /// What the latest pages told.
    pub(crate) summary: Option<CampaignSummary>,
    /// Why they could not be had, if they could not.
    pub(crate) trouble: Option<String>,
    pub(crate) ended_at: Option<Timestamp>,
    /// When the latest of its messages were found.
    #[serde(default)]
    grown_at: Option<Timestamp>,
    /// How often it has ended: once more for each time that messages came on top.
    #[serde(default)]
    pub(crate) ends: u64,
    /// Its pages were had once more after its end, in place of the polls that confirm its messages.
    #[serde(default)]
    is_confirmed: bool,
}

/// Why the pages of a campaign may not have told all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endless {
    /// The provider gives the same page again and again.
    Repeats,
    /// There are more than are asked for at once.
    TooMany {
        /// How many are.
        pages: u32,
    },
    /// They end before all rows have come that they speak of.
    Fewer {
        /// How many rows came.
        told: u64,
        /// How many they speak of.
        said: u64,
    },
}

impl Endless {
    /// The same for people.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Repeats => "Routee gives the same page of it again and again, and says that there are more: what it \
                              told so far counts as all there is"
                .to_owned(),
            Self::TooMany { pages } => format!(
                "it has more than {pages} pages: those behind are not asked for, and the others only at the longest \
                 gap of `watch.schedule`"
            ),
            Self::Fewer { told, said } => format!(
                "Routee told {told} of its {said} rows, and says that there are no more: what it told so far counts as all there is"
            ),
        }
    }
}

/// What becomes of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) campaign: Campaign,
    pub(crate) due: Timestamp,
    /// It has ended now, and is to be told.
    pub(crate) has_ended: bool,
}

impl Campaign {
    /// A campaign that is followed from now on.
    pub(crate) fn new(spelled: MessageId, tags: Tags, now: Timestamp) -> Self {
        Self {
            spelled,
            tags,
            registered_at: now,
            state: State::Watching,
            step: 0,
            summary: None,
            trouble: None,
            ended_at: None,
            grown_at: None,
            ends: 0,
            is_confirmed: false,
        }
    }

    /// Whether there is a reason to ask for its pages.
    pub(crate) fn wants_pages(&self) -> bool {
        match self.state {
            State::Watching => true,
            State::Final => !self.is_confirmed,
            State::GaveUp | State::NotFound => false,
        }
    }

    /// Reads a record; `None` if another version wrote it.
    pub(crate) fn decode(record: &KeptRecord) -> Option<Self> {
        form::decode(FORMAT, &record.body)
    }

    /// The record of the campaign, which is due then.
    pub(crate) fn record(&self, due: Timestamp) -> NewRecord {
        NewRecord {
            due: Some(due),
            body: form::encode(FORMAT, self),
        }
    }

    /// The name of its record, by its id in lower case.
    pub(crate) fn record_id(key: &MessageId) -> RecordId {
        RecordId::new(key.as_str()).expect("ids of messages and records look alike")
    }

    /// How often its pages are asked for now.
    pub(crate) fn gap(&self, settings: &WatchSettings, now: Timestamp) -> Duration {
        if self.state == State::Watching {
            return schedule::gap(&settings.schedule, self.step).max(SHORTEST_GAP);
        }
        match now >= self.confirmed_at(settings, now) {
            true => settings.confirm_after,
            false => STRAGGLERS.min(settings.confirm_after),
        }
    }

    /// When its pages are asked for in place of the polls that confirm its messages, which are due a little later.
    fn confirmed_at(&self, settings: &WatchSettings, now: Timestamp) -> Timestamp {
        let ended_at = self.ended_at.unwrap_or(now);
        ended_at + settings.confirm_after.mul_f64(CONFIRMED_AFTER)
    }

    /// What becomes of it when all its pages were had.
    pub(crate) fn told(
        mut self,
        summary: CampaignSummary,
        settings: &WatchSettings,
        now: Timestamp,
    ) -> Next {
        let known = self.summary.as_ref().map_or(0, |before| before.messages);
        if summary.messages == 0 && known > 0 {
            // Messages that were told do not vanish: this is an answer of something that knows nothing of them.
            let trouble = "Routee told none of its messages, which it had told before";
            return self.failed(trouble.to_owned(), Whose::Message, settings, now);
        }
        let has_grown = summary.messages > known;
        let grown_at = self.grown_at.filter(|_| !has_grown).unwrap_or(now);
        self.grown_at = Some(grown_at);
        // A campaign that is still being sent grows from one time to the next.
        let is_quiet = now.since(grown_at) >= QUIET.min(settings.not_found_grace);
        let is_over = is_quiet && known > 0 && summary.messages > 0 && summary.pending == 0;
        let is_unknown =
            summary.messages == 0 && now >= self.registered_at + settings.not_found_grace;
        let is_late = now >= self.registered_at + settings.give_up_after;
        self.trouble = None;
        let is_pending = summary.pending > 0;
        self.summary = Some(summary);
        if self.state == State::Final && !is_pending && !has_grown {
            return self.seen_again(settings, now);
        }
        if has_grown && self.state == State::Final {
            self.step = 0;
        }
        let state = match (is_over, is_unknown, is_late) {
            (true, _, _) => State::Final,
            (_, true, _) => State::NotFound,
            (_, _, true) => State::GaveUp,
            _ => State::Watching,
        };
        self.next(state, settings, now)
    }

    /// What becomes of it when its pages did not end: what they told counts. So many that each turn costs much are asked
    /// for seldom.
    pub(crate) fn told_without_end(
        self,
        summary: CampaignSummary,
        why: Endless,
        settings: &WatchSettings,
        now: Timestamp,
    ) -> Next {
        let mut next = self.told(summary, settings, now);
        next.campaign.trouble = Some(why.words());
        if matches!(why, Endless::TooMany { .. }) && next.campaign.wants_pages() {
            let longest = schedule::gap(&settings.schedule, u32::MAX);
            next.due = next.due.max(now + longest);
        }
        next
    }

    /// What becomes of it when the provider says that it knows no such campaign: one that was just made may not be known
    /// yet, and one of which nothing was told until its grace is over is not there.
    pub(crate) fn unknown(self, settings: &WatchSettings, now: Timestamp) -> Next {
        let trouble = "Routee says that it does not know this campaign";
        let knows_messages = self
            .summary
            .as_ref()
            .is_some_and(|known| known.messages > 0);
        if knows_messages || self.state == State::Final {
            return self.failed(trouble.to_owned(), Whose::Message, settings, now);
        }
        // It is asked for at the first pace, so that its beginning is not missed.
        let step = self.step;
        let nothing = Tally::default().summary(&self.spelled);
        let mut next = self.told(nothing, settings, now);
        next.campaign.step = step;
        next.campaign.trouble = Some(trouble.to_owned());
        next
    }

    /// What becomes of it when its pages could not be had. When its time is over, two turns in vain end it, unless
    /// that is the trouble of the provider: an outage is no news about it.
    pub(crate) fn failed(
        mut self,
        trouble: String,
        whose: Whose,
        settings: &WatchSettings,
        now: Timestamp,
    ) -> Next {
        let is_second = self.trouble.replace(trouble).is_some();
        if self.state == State::Final {
            // Its messages are polled one by one then.
            return self.seen_again(settings, now);
        }
        let is_late = now >= self.registered_at + settings.give_up_after;
        let state = match is_late && is_second && whose == Whose::Message {
            true => State::GaveUp,
            false => State::Watching,
        };
        self.next(state, settings, now)
    }

    fn next(mut self, state: State, settings: &WatchSettings, now: Timestamp) -> Next {
        self.state = state;
        if state == State::Watching {
            self.ended_at = None;
            let due = now + self.gap(settings, now);
            if self.trouble.is_none() {
                self.step = self.step.saturating_add(1);
            }
            return Next {
                campaign: self,
                due,
                has_ended: false,
            };
        }
        self.ended_at = Some(now);
        self.ends += 1;
        self.is_confirmed = state != State::Final || settings.confirm_after.is_zero();
        let due = match self.is_confirmed {
            true => now + settings.retention,
            false => self.confirmed_at(settings, now).min(now + STRAGGLERS),
        };
        Next {
            campaign: self,
            due,
            has_ended: true,
        }
    }

    /// It had ended, and its pages told nothing else.
    fn seen_again(mut self, settings: &WatchSettings, now: Timestamp) -> Next {
        let confirmed_at = self.confirmed_at(settings, now);
        self.is_confirmed = now >= confirmed_at;
        let due = match self.is_confirmed {
            true => self.ended_at.unwrap_or(now) + settings.retention,
            false => confirmed_at.min(now + STRAGGLERS),
        };
        Next {
            campaign: self,
            due,
            has_ended: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_of_too_many_pages_is_asked_for_seldom_and_one_that_repeats_itself_as_usual() {
        let settings = WatchSettings::default();
        let now = Timestamp::from_seconds(1_777_636_800);
        let new = || Campaign::new(MessageId::new("spring").expect("an id"), Tags::new(), now);
        let summary = || CampaignSummary {
            messages: 9,
            pending: 1,
            ..Tally::default().summary(&new().spelled)
        };
        let after = |why| new().told_without_end(summary(), why, &settings, now);
        let too_many = after(Endless::TooMany { pages: 1_000 });
        let longest = settings.schedule.last().copied().expect("a gap");
        assert_eq!(too_many.due, now + longest);
        let trouble = too_many.campaign.trouble.expect("it is shown");
        assert!(trouble.contains("more than 1000 pages"), "{trouble}");
        let repeats = after(Endless::Repeats);
        assert_eq!(repeats.due, new().told(summary(), &settings, now).due);
        assert_eq!(repeats.campaign.summary, Some(summary()));
    }
}
