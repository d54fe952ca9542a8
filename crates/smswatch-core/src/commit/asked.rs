//! Decides about changes of watches that callers ask for, and replies to them.

use smswatch_model::Timestamp;

use crate::held::found;
use crate::inbox::changes::{Change, Reason, Reply, Request};
use crate::record::WatchState;
use crate::watch::Watch;
use crate::watch::lifecycle::{Applied, Effect, Lifecycle};
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
                    let watch = observed.watch(watch);
                    let applied =
                        lifecycle.apply_seen(Effect::Continues, key, &watch, seen, now, random);
                    Ok((applied, Reply::Known))
                }
                None if observed.registers => {
                    let watch = Watch {
                        tags: observed.tags.clone(),
                        ..found(&observed.spelled, now)
                    };
                    let effect = if observed.is_wanted {
                        Effect::Continues
                    } else {
                        Effect::Begins(observed.known_until)
                    };
                    let applied = lifecycle.apply_seen(effect, key, &watch, seen, now, random);
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

impl Change {
    /// Whether the caller that asked for the change waits no more.
    pub(super) fn is_abandoned(&self) -> bool {
        matches!(&self.reason, Reason::Asked(_, replies) if replies.is_closed())
    }

    /// Replies to the caller that asked for the change, if there is one.
    pub(super) fn reply(&self, reply: Reply) {
        if let Reason::Asked(_, replies) = &self.reason {
            // The caller may have stopped waiting.
            let _told = replies.send(reply);
        }
    }
}
