//! Makes one event of one episode of trouble, however many processes notice it and however often.
//!
//! All processes share one note per kind of trouble: when one of them noticed it last. Its end needs no
//! note: trouble that begins long enough after the last of it was noticed is a new episode.

use std::time::Duration;

use smswatch_model::Timestamp;

use super::Trouble;

pub(super) const FORMAT: u8 = 1;

/// When a process last noticed trouble of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Episode {
    pub(super) seen: Timestamp,
}

/// What is to be done about trouble that was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It is new: note it and tell it.
    Tell,
    /// It goes on: note that it does.
    Note,
    /// All is noted.
    Nothing,
}

impl Episode {
    /// Reads what [`Self::encode`] wrote; `None` if another version wrote it.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, seen) = bytes.split_first()?;
        let seen = i64::from_be_bytes(seen.try_into().ok()?);
        (*format == FORMAT).then_some(Self {
            seen: Timestamp::from_millis(seen),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let seen = self.seen.as_millis().to_be_bytes();
        std::iter::once(FORMAT).chain(seen).collect()
    }

    /// Itself, unless it was noted by a clock that was further ahead than clocks differ: that says nothing of trouble now.
    pub(super) fn believed(self, now: Timestamp, quiet: Duration) -> Option<Self> {
        (self.seen <= now + quiet).then_some(self)
    }

    /// What is to be done about `trouble` when this is noted, and trouble is over once nobody has
    /// noticed it for `quiet`.
    pub(super) fn action(noted: Option<Self>, trouble: &Trouble, quiet: Duration) -> Action {
        match noted {
            Some(noted) if trouble.since <= noted.seen + quiet => {
                if trouble.seen.since(noted.seen) >= renewal(quiet) {
                    Action::Note
                } else {
                    Action::Nothing
                }
            }
            _ => Action::Tell,
        }
    }
}

/// How often it is noted that trouble goes on.
pub(super) fn renewal(quiet: Duration) -> Duration {
    quiet / 4
}

/// Whether there is nothing to note before `until`. One that lies further ahead than it can was set by a clock that was
/// wrong.
pub(super) fn holds(until: Timestamp, now: Timestamp, quiet: Duration) -> bool {
    now < until && until <= now + renewal(quiet)
}

#[cfg(test)]
mod tests {
    use smswatch_model::EventKind;

    use super::*;

    const QUIET: Duration = Duration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn action(noted: Option<i64>, since: i64, seen: i64) -> Action {
        let trouble = Trouble {
            kind: EventKind::ProviderDown,
            since: at(since),
            seen: at(seen),
            description: String::new(),
            call: None,
        };
        let noted = noted.map(|second| Episode { seen: at(second) });
        Episode::action(noted, &trouble, QUIET)
    }

    #[test]
    fn the_first_trouble_ever_is_told() {
        assert_eq!(action(None, 0, 60), Action::Tell);
    }

    #[test]
    fn trouble_that_goes_on_is_noted_now_and_then_and_not_told_again() {
        assert_eq!(action(Some(60), 0, 61), Action::Nothing);
        assert_eq!(action(Some(60), 0, 60 + 75), Action::Note);
        let hours = 10 * 3600;
        assert_eq!(
            action(Some(60), 0, hours),
            Action::Note,
            "nobody looked for hours"
        );
    }

    #[test]
    fn trouble_that_comes_back_soon_is_the_same() {
        assert_eq!(action(Some(60), 360, 420), Action::Note);
    }

    #[test]
    fn trouble_that_comes_back_after_a_quiet_time_is_told() {
        assert_eq!(action(Some(60), 361, 421), Action::Tell);
    }

    #[test]
    fn what_another_process_has_noted_later_than_this_one_noticed_stands() {
        assert_eq!(action(Some(200), 100, 170), Action::Nothing);
    }

    #[test]
    fn what_was_noted_by_a_clock_far_ahead_hides_no_trouble_once_the_clock_is_set_right() {
        let days = 100 * 24 * 3600;
        let [noted, ahead] = [200, days].map(|second| Episode { seen: at(second) });
        assert_eq!(noted.believed(at(170), QUIET), Some(noted));
        assert_eq!(ahead.believed(at(170), QUIET), None);
        assert!(holds(at(75), at(0), QUIET) && !holds(at(75), at(75), QUIET));
        assert!(!holds(at(days), at(0), QUIET));
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let episode = Episode { seen: at(7) };
        assert_eq!(Episode::decode(&episode.encode()), Some(episode));
        assert_eq!(Episode::decode(b""), None);
        assert_eq!(Episode::decode(b"\x02abcdefgh"), None);
        assert_eq!(Episode::decode(b"\x01abc"), None);
    }
}
