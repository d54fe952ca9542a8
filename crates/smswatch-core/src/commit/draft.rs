//! What a change will write: the watch afterwards, and its events.

use smswatch_model::{Event, MessageId, Observation, Timestamp, Word};

use super::{Commit, asked, count};
use crate::inbox::changes::{Change, Reason, Reply, Request, Verdict};
use crate::metrics::ObservationLabels;
use crate::record::Record;
use crate::store::{CommitItem, CommitStep, NewEntry, StoreError, WatchPriority};
use crate::watch::Watch;
use crate::watch::lifecycle::{Answer, Applied, Effect, Lifecycle};

/// A watch after a change, with the events of that change, not written yet.
pub(super) struct Draft {
    pub(super) change: Change,
    /// The watch afterwards; `None` when it goes.
    pub(super) after: Option<Record>,
    pub(super) priority: WatchPriority,
    pub(super) events: Vec<Event>,
    pub(super) observation: Option<ObservationLabels>,
    pub(super) clamped: u32,
    pub(super) left_out: u32,
    pub(super) has_missing_parts: bool,
    /// The reply to the caller once it is written.
    pub(super) reply: Option<Reply>,
}

impl Draft {
    /// A change without events.
    pub(super) fn plain(change: Change, watch: Option<Watch>) -> Self {
        Self {
            priority: watch
                .as_ref()
                .map_or(WatchPriority::Rest, Lifecycle::priority),
            after: watch.map(|watch| watch.encode()),
            change,
            events: Vec::new(),
            observation: None,
            clamped: 0,
            left_out: 0,
            has_missing_parts: false,
            reply: None,
        }
    }

    /// A change that an answer makes of a watch.
    fn applied(change: Change, applied: Applied, observation: Option<ObservationLabels>) -> Self {
        Self {
            priority: Lifecycle::priority(&applied.watch),
            after: Some(applied.watch.encode()),
            events: applied.events,
            observation,
            clamped: applied.clamped,
            left_out: applied.left_out,
            has_missing_parts: applied.has_missing_parts,
            reply: None,
            change,
        }
    }

    /// Itself, if there is anything to write. A late answer about a watch that another process holds may have nothing
    /// new. A caller whose request changes nothing gets its reply at once.
    pub(super) fn with_something_to_say(mut self, stage: &Commit) -> Option<Self> {
        if !self.events.is_empty() || self.after != self.change.record {
            return Some(self);
        }
        if self.reply.is_some() {
            count(stage, &self);
            self.answer();
        }
        None
    }

    /// Replies to the caller that it is written.
    pub(super) fn answer(&mut self) {
        if let Some(reply) = self.reply.take() {
            self.change.reply(reply);
        }
    }

    /// What is to be written.
    pub(super) fn item(&self) -> CommitItem {
        CommitItem {
            message_id: self.change.message_id.clone(),
            expected: self.change.record.clone(),
            record: self.after.clone(),
            priority: self.priority,
            entry: (!self.events.is_empty()).then(|| NewEntry::of(&self.events)),
        }
    }
}

/// Decides what a change writes. `None` if there is nothing to write; then the caller already has its reply.
pub(super) fn draft(stage: &Commit, change: Change) -> Option<Draft> {
    let settings = stage.context.settings();
    let stuck_after = stage.rules.stuck_after();
    let lifecycle = Lifecycle::of(&stage.context, &settings, &stuck_after);
    let now = stage.context.clock.now();
    let due = match &change.reason {
        Reason::Asked(request, _) => {
            let decided = asked::decide(&lifecycle, request, &change, now);
            let (applied, reply) = match decided {
                Ok(decided) => decided,
                Err(reply) => {
                    change.reply(reply);
                    return None;
                }
            };
            let seen = match request {
                Request::Observe(observed) => Some(&observed.observation),
                _ => None,
            };
            let observation = seen.map(|seen| {
                notice_unknown(stage, &lifecycle, &change.message_id, &applied, seen, now);
                observation_labels(seen, &applied)
            });
            let draft = Draft::applied(change, applied, observation);
            let reply = Some(reply);
            return Some(Draft { reply, ..draft });
        }
        Reason::Due(due) => due,
    };
    // What was claimed had a watch.
    let watch = change.watch.as_ref()?;
    let id = &change.message_id;
    Some(match &due.verdict {
        Verdict::Expired => Draft::plain(change, None),
        Verdict::Retired => {
            let watch = lifecycle.retire(id, watch, now);
            Draft::plain(change, Some(watch))
        }
        Verdict::Postponed(until) => {
            let watch = Watch {
                due: *until,
                ..watch.clone()
            };
            Draft::plain(change, Some(watch))
        }
        Verdict::Answered(answer, _) => {
            let is_mine = due.claimed_due == watch.due;
            let random = fastrand::f64();
            let applied = match answer {
                Answer::Seen(seen) if !is_mine => {
                    lifecycle.apply_seen(Effect::OnlyNews, id, watch, seen, now, random)
                }
                answer => lifecycle.apply(id, watch, answer, now, random),
            };
            let observation = match answer {
                Answer::Seen(seen) => {
                    notice_unknown(stage, &lifecycle, id, &applied, seen, now);
                    Some(observation_labels(seen, &applied))
                }
                _ => None,
            };
            Draft::applied(change, applied, observation)
        }
    })
}

/// Notes the status words of an observation that the provider does not document.
fn notice_unknown(
    stage: &Commit,
    lifecycle: &Lifecycle<'_>,
    id: &MessageId,
    applied: &Applied,
    seen: &Observation,
    now: Timestamp,
) {
    let is_told = |word: &Word| stage.unknown.is_told(word);
    let events = lifecycle.unknown_words(id, &applied.watch, seen, now, is_told);
    stage.unknown.notice(events);
}

fn observation_labels(observation: &Observation, applied: &Applied) -> ObservationLabels {
    let result = if !applied.events.is_empty() {
        "changed"
    } else if applied.stale > 0 {
        "stale"
    } else {
        "same"
    };
    ObservationLabels {
        source: observation.source.as_str(),
        result,
    }
}

/// Takes the requests of callers out of a step that failed, and replies that they failed. The store may have done
/// them all the same; repeating them does no harm.
pub(super) fn refuse(step: &mut CommitStep, drafts: &mut Vec<Draft>, error: &StoreError) {
    let is_asked = |draft: &Draft| matches!(draft.change.reason, Reason::Asked(..));
    if !drafts.iter().any(is_asked) {
        return;
    }
    let items = std::mem::take(&mut step.items).into_iter();
    let (asked, others): (Vec<_>, Vec<_>) = items
        .zip(std::mem::take(drafts))
        .partition(|(_, draft)| is_asked(draft));
    for (_, draft) in asked {
        draft.change.reply(Reply::Failed(error.clone()));
    }
    (step.items, *drafts) = others.into_iter().unzip();
}

#[cfg(test)]
mod tests {
    use smswatch_model::Tags;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;
    use crate::inbox::changes::{Due, Verdict};
    use crate::store::Shard;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn draft(id: &str, reason: Reason) -> Draft {
        let watch = Watch::new(at(0), Tags::new());
        let change = Change {
            shard: Shard(0),
            message_id: MessageId::new(id).expect("an id"),
            record: None,
            watch: None,
            reason,
        };
        Draft::plain(change, Some(watch))
    }

    #[test]
    fn when_a_step_fails_who_waits_is_told_at_once_and_what_was_observed_is_kept() {
        let (replies, mut told) = mpsc::unbounded_channel();
        let due = Due {
            batch: None,
            is_counted: false,
            claimed_due: at(0),
            claimed_at: Instant::now(),
            verdict: Verdict::Postponed(at(5)),
        };
        let asked = |id| draft(id, Reason::Asked(Request::Remove, replies.clone()));
        let mut drafts = vec![asked("a"), draft("b", Reason::Due(due)), asked("c")];
        let mut step = CommitStep {
            items: drafts.iter().map(Draft::item).collect(),
            finished: Vec::new(),
        };
        let error = StoreError::Unavailable("it is away".to_owned());
        refuse(&mut step, &mut drafts, &error);
        let left: Vec<_> = step
            .items
            .iter()
            .map(|item| item.message_id.as_str())
            .collect();
        assert_eq!(left, ["b"]);
        assert_eq!(drafts.len(), 1);
        for _ in 0..2 {
            assert!(matches!(told.try_recv(), Ok(Reply::Failed(_))));
        }
        assert!(told.try_recv().is_err());
    }
}
