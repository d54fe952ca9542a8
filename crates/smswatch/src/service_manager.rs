//! What the service manager (systemd) is told: that the process has started, loads its configuration again, stops, or lives.
//!
//! Where there is none, which is where `NOTIFY_SOCKET` is not set, nothing is told.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use smswatch_core::Service;
use tokio::time::MissedTickBehavior;

/// How many times a ping comes within the time after which the service manager takes the process for dead. It
/// recommends two; with three one may be late.
const PINGS: u32 = 3;

/// The process has started, and does its work.
pub(crate) fn ready(address: std::net::SocketAddr) {
    let status = format!("the API is at http://{address}");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The process has not started yet, because of this.
pub(crate) fn waiting(what: &str) {
    // A line break would end the status.
    let status = what.replace('\n', " ");
    notify(&[NotifyState::Status(&status)]);
}

/// The configuration is being loaded again.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => complain(&error),
    }
}

/// The configuration was loaded again, or refused.
pub(crate) fn reloaded() {
    notify(&[NotifyState::Ready]);
}

/// The process ends.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Tells the service manager that the process lives, as long as its loops turn and the service manager wants to know;
/// runs until it is cancelled.
pub(crate) async fn watchdog(process: Service) {
    if let Some(within) = sd_notify::watchdog_enabled() {
        let ping = || notify(&[NotifyState::Watchdog]);
        pings(within, || process.is_alive(), ping).await;
    }
}

async fn pings(within: Duration, is_alive: impl Fn() -> bool, ping: impl Fn()) {
    let mut beat = tokio::time::interval((within / PINGS).max(Duration::from_millis(1)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_alive = true;
    loop {
        beat.tick().await;
        let is_alive = is_alive();
        if is_alive {
            ping();
        } else if was_alive {
            tracing::error!(
                "a part of smswatch has a bug: it hangs; the service manager is left to start smswatch anew"
            );
        }
        was_alive = is_alive;
    }
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        complain(&error);
    }
}

fn complain(error: &io::Error) {
    tracing::warn!(%error, "the service manager (NOTIFY_SOCKET) could not be told");
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pings_come_three_times_in_the_time_and_only_while_the_loops_turn() {
        let (n_pings, is_alive) = (Cell::new(0), Cell::new(true));
        let within = Duration::from_secs(60);
        let mut pinging = std::pin::pin!(pings(
            within,
            || is_alive.get(),
            || n_pings.set(n_pings.get() + 1),
        ));
        let nearly = within - Duration::from_millis(1);
        let still = tokio::time::timeout(nearly, &mut pinging).await;
        assert!(still.is_err());
        assert_eq!(n_pings.get(), 3, "one at once, and one after each third");
        is_alive.set(false);
        let still = tokio::time::timeout(within * 10, &mut pinging).await;
        assert!(still.is_err());
        assert_eq!(n_pings.get(), 3);
        is_alive.set(true);
        let still = tokio::time::timeout(within, &mut pinging).await;
        assert!(still.is_err());
        assert!(n_pings.get() > 5, "it goes on");
    }
}
