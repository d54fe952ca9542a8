//! When each of several queues has something due: sleep until then, and be woken when it changes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use smswatch_model::Timestamp;
use tokio::sync::Notify;

use crate::clock::StoreClock;

/// Nothing is due, as far as is known.
const NEVER: i64 = i64::MAX;

/// The next due time of each of several queues.
///
/// Code that puts something into a queue calls [`DueTimes::hint`]; one worker takes what is due. Taking
/// forgets the due time first and asks the store afterwards, so that a hint in between is not lost.
#[derive(Debug)]
pub(crate) struct DueTimes {
    dues: Box<[AtomicI64]>,
    /// By how many milliseconds this process comes later to each.
    delays: Box<[AtomicI64]>,
    /// How often something was taken from each.
    turns: Box<[AtomicU64]>,
    changed: Notify,
    /// The same for those who wait for one queue alone.
    changed_in: Box<[Notify]>,
}

impl DueTimes {
    /// The due times of `queues` queues, all due at once: what is in them is not known yet.
    pub(crate) fn new(queues: usize) -> Self {
        let zeros = || (0..queues).map(|_| AtomicI64::new(0)).collect();
        Self {
            dues: zeros(),
            delays: zeros(),
            turns: (0..queues).map(|_| AtomicU64::new(0)).collect(),
            changed: Notify::new(),
            changed_in: (0..queues).map(|_| Notify::new()).collect(),
        }
    }

    /// From now on what is hinted to be due in `queue` is taken so much later, so that another
    /// process comes first; what is hinted to be due at once is not.
    pub(crate) fn delay(&self, queue: usize, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.delays[queue].store(millis, Ordering::Relaxed);
    }

    /// Something in `queue` is due at `due`.
    pub(crate) fn hint(&self, queue: usize, due: Timestamp) {
        let delay = self.delays[queue].load(Ordering::Relaxed);
        self.wake_at(queue, due.as_millis().saturating_add(delay));
    }

    /// Something in `queue` is due, and to be taken at once.
    pub(crate) fn hint_now(&self, queue: usize) {
        self.wake_at(queue, 0);
    }

    fn wake_at(&self, queue: usize, due: i64) {
        if due < self.dues[queue].fetch_min(due, Ordering::AcqRel) {
            self.changed.notify_one();
            self.changed_in[queue].notify_one();
        }
    }

    /// All queues may hold something that no hint was given for.
    pub(crate) fn hint_all(&self) {
        for queue in 0..self.dues.len() {
            self.hint_now(queue);
        }
    }

    /// Whether something in `queue` is due at `now`; if so, its due time is forgotten.
    pub(crate) fn take(&self, queue: usize, now: Timestamp) -> bool {
        let is_due = self.dues[queue].load(Ordering::Acquire) <= now.as_millis();
        if is_due {
            self.dues[queue].store(NEVER, Ordering::Release);
            self.turns[queue].fetch_add(1, Ordering::Relaxed);
        }
        is_due
    }

    /// How often each queue's worker took something.
    pub(crate) fn turns(&self) -> impl Iterator<Item = u64> + '_ {
        self.turns.iter().map(|turns| turns.load(Ordering::Relaxed))
    }

    /// Waits until something in any queue is due, however far away that is.
    pub(crate) async fn wait(&self, clock: &StoreClock) {
        wait_for(&self.dues, &self.changed, clock).await;
    }

    /// Waits until something in `queue` is due, however far away that is.
    pub(crate) async fn wait_in(&self, queue: usize, clock: &StoreClock) {
        wait_for(&self.dues[queue..=queue], &self.changed_in[queue], clock).await;
    }
}

async fn wait_for(dues: &[AtomicI64], changed: &Notify, clock: &StoreClock) {
    loop {
        let changed = changed.notified();
        let earliest = dues
            .iter()
            .map(|due| due.load(Ordering::Acquire))
            .min()
            .unwrap_or(NEVER);
        let now = clock.now();
        if earliest <= now.as_millis() {
            return;
        }
        if earliest == NEVER {
            changed.await;
            continue;
        }
        // A millisecond more, so that rounding down does not wake this a moment too early.
        let sleep = Timestamp::from_millis(earliest + 1).since(now);
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hint_wakes_the_waiting_and_taking_forgets_it() {
        let due_times = DueTimes::new(2);
        let clock = StoreClock::new(Timestamp::from_seconds(1_777_636_800));
        due_times.wait(&clock).await;
        assert!(due_times.take(0, clock.now()) && due_times.take(1, clock.now()));
        assert!(!due_times.take(0, clock.now()));
        due_times.hint(1, clock.now() + Duration::from_secs(3600));
        let (woken, ()) = tokio::join!(due_times.wait(&clock), async {
            tokio::task::yield_now().await;
            due_times.hint_now(0);
        });
        assert_eq!(woken, ());
        assert!(due_times.take(0, clock.now()) && !due_times.take(1, clock.now()));
    }

    #[test]
    fn a_delayed_queue_is_left_to_others_for_a_while_unless_it_is_urgent() {
        let due_times = DueTimes::new(1);
        let due = Timestamp::from_seconds(1_777_636_800);
        assert!(due_times.take(0, due), "nobody knows yet what is in it");
        due_times.delay(0, Duration::from_millis(500));
        due_times.hint(0, due);
        assert!(!due_times.take(0, due + Duration::from_millis(499)));
        assert!(due_times.take(0, due + Duration::from_millis(500)));
        due_times.hint_now(0);
        assert!(due_times.take(0, due));
    }
}
