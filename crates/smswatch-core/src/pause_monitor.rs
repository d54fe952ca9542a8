//! Tells whether the whole process stood still for a while, such as one that was stopped, or whose
//! machine had no time for it.
//!
//! A thread of its own sees to that: it goes on while the runtime's threads are kept busy by something
//! that should not do so, and stands still only with the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::time::{Duration, Instant};

/// How often the monitor reads the clock.
const BEAT: Duration = Duration::from_millis(250);

/// How long two readings lie apart when the process stood still between them.
const STANDSTILL: Duration = Duration::from_secs(1);

/// When the process last stood still, in milliseconds since the monitor began.
#[derive(Debug)]
pub(crate) struct PauseMonitor {
    called: Instant,
    read_at: AtomicU64,
    stood_until: AtomicU64,
}

impl PauseMonitor {
    /// The one monitor of this process, which watches from the first call on.
    ///
    /// # Panics
    ///
    /// The process cannot have one more thread.
    pub(crate) fn get() -> &'static Self {
        static MONITOR: LazyLock<PauseMonitor> =
            LazyLock::new(|| PauseMonitor::new(Instant::now()));
        static WATCHES: Once = Once::new();
        let pause_monitor = &*MONITOR;
        WATCHES.call_once(|| {
            let thread = std::thread::Builder::new().name("pause-monitor".to_owned());
            let watch = || loop {
                std::thread::sleep(BEAT);
                pause_monitor.read(Instant::now());
            };
            let _goes_on_alone = thread
                .spawn(watch)
                .expect("a process that starts can have one more thread");
        });
        pause_monitor
    }

    fn new(called: Instant) -> Self {
        Self {
            called,
            read_at: AtomicU64::new(0),
            stood_until: AtomicU64::new(0),
        }
    }

    fn read(&self, now: Instant) {
        let read_at = self.read_at.swap(self.millis(now), Ordering::AcqRel);
        if self.millis(now) - read_at >= as_millis(STANDSTILL) {
            self.stood_until.store(self.millis(now), Ordering::Release);
        }
    }

    /// Whether the process stood still at some time within the last `span`.
    pub(crate) fn stood_still_within(&self, span: Duration) -> bool {
        let now = Instant::now();
        self.stood_still(now.checked_sub(span).unwrap_or(self.called), now)
    }

    /// Whether the process stood still at some time between `since` and `now`, even if no one has
    /// read since.
    fn stood_still(&self, since: Instant, now: Instant) -> bool {
        let read_at = self.read_at.load(Ordering::Acquire);
        let is_unseen = self.millis(now).saturating_sub(read_at) >= as_millis(STANDSTILL);
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
        let pause_monitor = PauseMonitor::new(called);
        for millis in (250..=2000).step_by(250) {
            pause_monitor.read(at(millis));
        }
        assert!(!pause_monitor.stood_still(at(100), at(2100)));
        assert!(
            pause_monitor.stood_still(at(100), at(9000)),
            "nobody read it yet"
        );
        pause_monitor.read(at(9001));
        assert!(pause_monitor.stood_still(at(8000), at(9002)));
        assert!(
            !pause_monitor.stood_still(at(9002), at(9100)),
            "it was before"
        );
    }

    #[test]
    fn the_monitor_reads_the_clock() {
        let pause_monitor = PauseMonitor::get();
        let has_read = || pause_monitor.read_at.load(Ordering::Acquire) > 0;
        let deadline = Instant::now() + Duration::from_secs(60);
        while !has_read() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(has_read());
    }
}
