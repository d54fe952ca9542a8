//! Asks the provider at the start whether it accepts the credentials, so that wrong ones are noticed before
//! the first message is watched.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Observe;
use super::cooldown::Cooldown;
use crate::alarm::Call;
use crate::backoff::Backoff;
use crate::budget::LONGEST_POLL;
use crate::provider::PollError;

/// The pauses after the first failures and after many of them.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Probes the provider until it has answered once or `stop` says so. What it finds out counts as what polls
/// find out: for the health, for the alarms, and for the pause after a refusal.
pub(super) async fn run(stage: &Observe, cooldown: &Cooldown, stop: &CancellationToken) {
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    loop {
        let probed = tokio::time::timeout(LONGEST_POLL, stage.provider.probe());
        let probed = tokio::select! {
            () = stop.cancelled() => return,
            probed = probed => probed,
        };
        let seconds = LONGEST_POLL.as_secs();
        let silent = |_| Err(PollError::failed(format!("no answer within {seconds} s")));
        match probed.unwrap_or_else(silent) {
            Ok(_) => {
                let now = stage.context.clock.now();
                cooldown.answered(Call::Poll, now, &stage.context.health);
                stage.alarms.answered(Call::Poll, now);
                return;
            }
            Err(error) => {
                let now = stage.context.clock.now();
                cooldown.failed(Call::Poll, &error, now, &stage.context.health);
                stage.alarms.failed(Call::Poll, &error, now);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.fail()) => {}
        }
    }
}
