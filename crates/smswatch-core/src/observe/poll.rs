//! Polls the messages of claimed watches, as fast as the rate, the provider and the leases allow.

use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{MessageId, Observation, Source, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::Observe;
use super::WaitingPoll;
use super::blame::Blame;
use super::cooldown::Cooldown;
use super::prefetch::Prefetch;
use crate::alarm::Call;
use crate::budget::{LONGEST_POLL, POLL_BEGINS_WITHIN};
use crate::inbox::changes::{Change, Verdict};
use crate::inbox::ended_poll::EndedPoll;
use crate::limiter::Limiter;
use crate::metrics::ResultLabel;
use crate::panics::caught;
use crate::provider::{MessageReport, Poll, PollError, PollFailure};
use crate::watch::Watch;
use crate::watch::lifecycle::{Answer, Failure};
use crate::whose::Whose;

/// Starts polls as fast as the rate and the concurrency allow, until no more are handed on.
pub(super) async fn run(
    stage: Arc<Observe>,
    cooldown: Arc<Cooldown>,
    blame: Arc<Blame>,
    prefetch: Arc<Prefetch>,
    limiter: &Limiter,
    mut starts: mpsc::UnboundedReceiver<WaitingPoll>,
    commits: mpsc::Sender<Change>,
) {
    let concurrency = stage.context.settings().provider.concurrency;
    let running = Arc::new(Semaphore::new(concurrency.max(1)));
    let polls = TaskTracker::new();
    while let Some(waiting) = starts.recv().await {
        let running = Arc::clone(&running)
            .acquire_owned()
            .await
            .expect("never closed");
        let start = may_start(&stage, &cooldown, limiter, &waiting).await;
        let WaitingPoll {
            claimed,
            watch,
            slot,
        } = waiting;
        drop(slot);
        let (stage, cooldown, prefetch) = (
            Arc::clone(&stage),
            Arc::clone(&cooldown),
            Arc::clone(&prefetch),
        );
        let blame = Arc::clone(&blame);
        let commits = commits.clone();
        polls.spawn(async move {
            let now = stage.context.clock.now();
            let lag = now.since(watch.due);
            if !matches!(start, Start::After(_)) {
                stage.context.poll_lag.add(lag, now);
            }
            let verdict = match start {
                Start::Now => {
                    stage.alarms.late(lag, now);
                    stage
                        .context
                        .metrics
                        .poll_lag_seconds
                        .observe(lag.as_secs_f64());
                    stage.context.metrics.provider_calls.inc();
                    let started = Instant::now();
                    let message_id = watch.spelling.spell(&claimed.message_id);
                    let (answer, ended) =
                        poll(&stage, &cooldown, &blame, &watch, &message_id).await;
                    prefetch.polled(started.elapsed());
                    Verdict::Answered(answer, ended)
                }
                // It stays as late as it is, so that it comes first and its lateness is not forgotten.
                Start::TooLate => {
                    stage.alarms.late(lag, now);
                    Verdict::Postponed(watch.due + Duration::from_millis(1))
                }
                Start::After(wait) => Verdict::Postponed(now + wait),
            };
            let _sent = commits.send(claimed.change(watch, verdict)).await;
            drop(running);
        });
    }
    polls.close();
    polls.wait().await;
}

/// Whether a poll that was claimed starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    Now,
    /// Its lease might end before it does; it is claimed anew.
    TooLate,
    /// The provider, or the store, is not to be asked before.
    After(Duration),
}

async fn may_start(
    stage: &Observe,
    cooldown: &Cooldown,
    limiter: &Limiter,
    waiting: &WaitingPoll,
) -> Start {
    // A permit that comes too late would be one less for the others.
    let Some(patience) = POLL_BEGINS_WITHIN.checked_sub(waiting.claimed.claimed_at.elapsed())
    else {
        return Start::TooLate;
    };
    let closed_for = cooldown.closed_for(stage.context.clock.now());
    if !closed_for.is_zero() {
        return Start::After(closed_for.max(Duration::from_secs(1)));
    }
    match limiter.permit_within(patience).await {
        Ok(true) => Start::Now,
        Ok(false) => Start::TooLate,
        Err(error) => {
            stage.context.note("reserve", &error);
            let reason =
                "polls wait: the store could not be asked for `routee.requests_per_second`";
            stage.alarms.held_up(reason, stage.context.clock.now());
            Start::After(Duration::from_secs(1))
        }
    }
}

async fn poll(
    stage: &Observe,
    cooldown: &Cooldown,
    blame: &Blame,
    watch: &Watch,
    message_id: &MessageId,
) -> (Answer, EndedPoll) {
    let asked_at = stage.context.clock.now();
    let started = Instant::now();
    let polled = ask(stage, message_id).await;
    let ended = EndedPoll::new(&stage.context, asked_at, started.elapsed());
    let now = stage.context.clock.now();
    let is_known = !watch.snapshot.parts.is_empty();
    let since = watch.trouble.map(|trouble| trouble.since);
    let (whose, is_provider_well) = match &polled {
        // It is an answer, which says nothing about a message that is known.
        Ok(Poll::Invalid) if is_known => (blame.failed(message_id, since, now), true),
        Ok(_) => (Whose::Provider, blame.answered(message_id, now)),
        Err(error) if error.kind() == PollFailure::Unreadable => {
            let whose = blame.unreadable(message_id, now);
            (whose, whose == Whose::Message)
        }
        Err(_) => (blame.failed(message_id, since, now), false),
    };
    if is_provider_well {
        cooldown.answered(Call::Poll, now, &stage.context.health);
        stage.alarms.answered(Call::Poll, now);
    }
    let (answer, result) = match polled {
        Ok(Poll::Seen(report)) => {
            stage.context.count_oddities(report.oddities);
            (Answer::Seen(Box::new(observed(*report, asked_at))), "seen")
        }
        Ok(Poll::Empty) => (Answer::Empty, "empty"),
        Ok(Poll::Unknown) => (Answer::Unknown, "unknown"),
        Ok(Poll::Invalid) => (Answer::Invalid(whose), "invalid"),
        Err(error) => {
            let failure = Failure {
                retry_after: error.retry_after(),
                whose,
            };
            // Whoever wants fewer requests means all of them.
            let is_its_own = whose == Whose::Message && error.kind() != PollFailure::Throttled;
            if !is_provider_well && !is_its_own {
                cooldown.failed(Call::Poll, &error, now, &stage.context.health);
                stage.alarms.failed(Call::Poll, &error, now);
            }
            let answer = match error.kind() {
                PollFailure::Unreadable => Answer::Unreadable(failure),
                _ => Answer::Failed(failure),
            };
            tracing::debug!(message.id = %message_id, %error, "a poll failed");
            (answer, error.kind().as_str())
        }
    };
    stage
        .context
        .metrics
        .polls
        .get_or_create(&ResultLabel { result })
        .inc();
    (answer, ended)
}

/// Asks the provider. It is a plug-in that reads what strangers wrote: if it panics over a message, that is an answer
/// which cannot be read. Else the message would come back with each lease, and nobody would be told.
async fn ask(stage: &Observe, message_id: &MessageId) -> Result<Poll, PollError> {
    let asked = caught(stage.provider.poll(message_id));
    match tokio::time::timeout(LONGEST_POLL, asked).await {
        Ok(Ok(polled)) => polled,
        Ok(Err(what)) => {
            tracing::error!(message.id = %message_id, what, "smswatch has a bug: a poll panicked");
            // What it said stays in the log: it may repeat the answer.
            Err(PollError::unreadable("smswatch has a bug: a poll panicked"))
        }
        Err(_) => {
            let seconds = LONGEST_POLL.as_secs();
            Err(PollError::failed(format!("no answer within {seconds} s")))
        }
    }
}

/// What a poll saw, as an observation.
fn observed(report: MessageReport, observed_at: Timestamp) -> Observation {
    Observation {
        source: Source::Poll,
        observed_at,
        facts: report.facts,
        parts: report.parts,
    }
}
