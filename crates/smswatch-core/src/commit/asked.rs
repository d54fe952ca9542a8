//! Decides about changes of watches that callers ask for, and replies to them.

use smswatch_model::Timestamp;

use super::draft::Draft;
use crate::held::found;
use crate::inbox::changes::{Change, Reason, Reply, Request};
use crate::record::WatchState;
use crate::store::{CommitStep, StoreError};
use crate::watch::Watch;
use crate::watch::lifecycle::{Applied, Lifecycle};
use crate::watch::registration::{Registration, register};

/// The watch after a request, and the reply once it is written.
///
/// # Errors
///
/// There is nothing to write: the reply says why.
pub(super) fn decide(
    lifecycle: &Lifecycle<'_>,
    request: &Request,
    change: &Change,
    now: Timestamp,
) -> Result<(Applied, Reply), Reply> {
    let key = &change.message_id;
    let watch = change.watch.as_ref();
    let is_removed = watch.is_some_and(|watch| watch.state == WatchState::Removed);
    let plain = |watch: Watch, reply: Reply| Ok((Applied::nothing(watch), reply));
    match request {
        Request::Register(spelled, tags) => match register(watch.cloned(), spelled, tags, now) {
            Ok(Registration::New(watch)) => plain(watch, Reply::New),
            Ok(Registration::Changed(watch)) => plain(watch, Reply::Known),
            Ok(Registration::AsItIs) => Err(Reply::Known),
            Err(many) => Err(Reply::TooManyTags(spelled.clone(), many)),
        },
        Request::Remove => match watch.filter(|_| !is_removed) {
            Some(watch) => plain(lifecycle.remove(key, watch, now), Reply::Removed),
            None => Err(Reply::NotWatched),
        },
        // A removed watch reports nothing.
        _ if is_removed => Err(Reply::NotWatched),
        Request::Observe(observed) => {
            let (seen, random) = (&observed.observation, fastrand::f64());
            let lifecycle = Lifecycle {
                sweep_every: observed.every,
                ..*lifecycle
            };
            match watch {
                Some(watch) => {
                    let applied = lifecycle.apply_told(key, watch, seen, now, random);
                    Ok((applied, Reply::Known))
                }
                None if observed.registers => {
                    let watch = Watch {
                        tags: observed.tags.clone(),
                        ..found(&observed.spelled, now)
                    };
                    let applied = lifecycle.apply_found(key, &watch, seen, now, random);
                    Ok((applied, Reply::New))
                }
                None => Err(Reply::NotWatched),
            }
        }
        Request::Adopt(held) => {
            let reply = watch.map_or(Reply::New, |_| Reply::Known);
            Ok((held.adopt(lifecycle, key, watch, now), reply))
        }
        Request::Poll(spelled) => match watch {
            Some(watch) => plain(watch.clone().polled_at(now), Reply::Known),
            None => plain(found(spelled, now), Reply::New),
        },
    }
}

/// Takes what was asked for out of a step that failed, and tells those who wait. What the store did all the
/// same it did: asking again does no harm.
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

impl Change {
    /// Replies to the caller that asked for the change, if there is one.
    pub(super) fn reply(&self, reply: Reply) {
        if let Reason::Asked(_, replies) = &self.reason {
            // The caller may have stopped waiting.
            let _told = replies.send(reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use smswatch_model::{MessageId, Tags};
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
