//! Tells whether the whole process stood still for a while, such as one that was stopped, or whose
//! machine had no time for it.
//!
//! A thread of its own sees to that: it goes on while the runtime's threads are kept busy by something
//! that should not do so, and stands still only with the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::time::{Duration, Instant};

/// How often the witness looks at the clock.
const BEAT: Duration = Duration::from_millis(250);

/// How long two looks lie apart when the process stood still between them.
const STANDSTILL: Duration = Duration::from_secs(1);

/// When the process last stood still, in milliseconds since the witness was called.
#[derive(Debug)]
pub(crate) struct Witness {
    called: Instant,
    looked: AtomicU64,
    stood_until: AtomicU64,
}

impl Witness {
    /// The one witness of this process, which watches from the first call on.
    ///
    /// # Panics
    ///
    /// The process cannot have one more thread.
    pub(crate) fn get() -> &'static Self {
        static WITNESS: LazyLock<Witness> = LazyLock::new(|| Witness::new(Instant::now()));
        static WATCHES: Once = Once::new();
        let witness = &*WITNESS;
        WATCHES.call_once(|| {
            let thread = std::thread::Builder::new().name("witness".to_owned());
            let watch = || loop {
                std::thread::sleep(BEAT);
                witness.look(Instant::now());
            };
            let _goes_on_alone = thread
                .spawn(watch)
                .expect("a process that starts can have one more thread");
        });
        witness
    }

    fn new(called: Instant) -> Self {
        Self {
            called,
            looked: AtomicU64::new(0),
            stood_until: AtomicU64::new(0),
        }
    }

    fn look(&self, now: Instant) {
        let looked = self.looked.swap(self.millis(now), Ordering::AcqRel);
        if self.millis(now) - looked >= as_millis(STANDSTILL) {
            self.stood_until.store(self.millis(now), Ordering::Release);
        }
    }

    /// Whether the process stood still at some time between `since` and `now`, be it that nobody has
    /// looked since.
    pub(crate) fn stood_still(&self, since: Instant, now: Instant) -> bool {
        let looked = self.looked.load(Ordering::Acquire);
        let is_unseen = self.millis(now).saturating_sub(looked) >= as_millis(STANDSTILL);
        let stood_until = self.stood_until.load(Ordering::Acquire);
        is_unseen || (stood_until > 0 && stood_until >= self.millis(since))
    }

    fn millis(&self, instant: Instant) -> u64 {
        as_millis(instant.saturating_duration_since(self.called))
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_is_known_before_and_after_it_was_seen_and_ends() {
        let called = Instant::now();
        let at = |millis| called + Duration::from_millis(millis);
        let witness = Witness::new(called);
        for millis in (250..=2000).step_by(250) {
            witness.look(at(millis));
        }
        assert!(!witness.stood_still(at(100), at(2100)));
        assert!(witness.stood_still(at(100), at(9000)), "nobody looked yet");
        witness.look(at(9001));
        assert!(witness.stood_still(at(8000), at(9002)));
        assert!(!witness.stood_still(at(9002), at(9100)), "it was before");
    }

    #[test]
    fn the_witness_looks() {
        let witness = Witness::get();
        while witness.looked.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
    }
}
