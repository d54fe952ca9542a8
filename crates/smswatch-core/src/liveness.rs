//! Whether the loops of the process turn, for the service manager that restarts it when they do not.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::inbox::due_times::DueTimes;

/// How long a loop may take for one turn. A turn is a bounded number of calls of the store, each of which ends by itself.
const LONGEST_TURN: Duration = Duration::from_secs(120);

/// When each loop last turned, as the pulse of the process sees it.
///
/// The pulse wakes all loops again and again and sees whether they took what they were woken for. It is one of those that
/// must turn, too: where it does not, the runtime or the store's client hangs.
#[derive(Debug)]
pub(crate) struct Liveness(Mutex<State>);

#[derive(Debug)]
struct State {
    beat_at: Instant,
    /// The loops, in the order in which they are handed in: how often each had turned, and since when it has not.
    loops: Vec<(u64, Instant)>,
}

impl Liveness {
    /// All loops have just turned.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            beat_at: Instant::now(),
            loops: Vec::new(),
        }))
    }

    /// The pulse turns, and is about to wake these loops.
    pub(crate) fn beat<'a>(&self, woken: impl IntoIterator<Item = &'a DueTimes>) {
        let now = Instant::now();
        let turns: Vec<u64> = woken.into_iter().flat_map(DueTimes::turns).collect();
        self.with(|state| {
            state.beat_at = now;
            state.loops.resize(turns.len(), (u64::MAX, now));
            for (known, turns) in state.loops.iter_mut().zip(turns) {
                if known.0 != turns {
                    *known = (turns, now);
                }
            }
        });
    }

    /// The pulse turns but wakes no loop, as the store is away. Loops that wait then do not count as hanging.
    pub(crate) fn rest(&self) {
        let now = Instant::now();
        self.with(|state| {
            state.beat_at = now;
            state.loops.iter_mut().for_each(|(_, since)| *since = now);
        });
    }

    /// Whether every loop has turned lately.
    pub(crate) fn is_alive(&self) -> bool {
        let now = Instant::now();
        let is_recent = |since: Instant| now.saturating_duration_since(since) < LONGEST_TURN;
        self.with(|state| {
            is_recent(state.beat_at) && state.loops.iter().all(|(_, since)| is_recent(*since))
        })
    }

    fn with<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use smswatch_model::Timestamp;

    use super::*;

    /// How often the pulse beats in these tests.
    const BEAT: Duration = Duration::from_secs(5);

    /// Has a pulse beat for three minutes over two loops, of which the second one turns each time if it is `alive`.
    async fn after_three_minutes(is_second_alive: bool) -> Liveness {
        let (liveness, due_times) = (Liveness::new(), DueTimes::new(2));
        for _ in 0..36 {
            liveness.beat([&due_times]);
            due_times.hint_all();
            assert!(due_times.take(0, Timestamp::from_seconds(1_777_636_800)));
            if is_second_alive {
                assert!(due_times.take(1, Timestamp::from_seconds(1_777_636_800)));
            }
            tokio::time::advance(BEAT).await;
        }
        liveness
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_takes_nothing_for_two_minutes_hangs() {
        assert!(after_three_minutes(true).await.is_alive());
        assert!(!after_three_minutes(false).await.is_alive());
    }

    #[tokio::test(start_paused = true)]
    async fn loops_that_nobody_wakes_do_not_hang_and_a_pulse_that_stops_does() {
        let (liveness, due_times) = (Liveness::new(), DueTimes::new(1));
        liveness.beat([&due_times]);
        for _ in 0..36 {
            liveness.rest();
            tokio::time::advance(BEAT).await;
        }
        assert!(liveness.is_alive());
        tokio::time::advance(LONGEST_TURN).await;
        assert!(!liveness.is_alive());
    }
}
