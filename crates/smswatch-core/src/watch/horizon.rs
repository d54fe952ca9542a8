//! How far ahead a due time can lie: one that lies further ahead counts as due.

use std::time::Duration;

use super::lifecycle::YOUNG;
use crate::settings::WatchSettings;
use crate::store::WatchPriority;

/// What is added to the longest time that anything of a priority waits, so that nothing is recalled that a
/// process with slightly other settings has scheduled.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// How far ahead of now a watch of `priority` can be due.
pub(crate) fn furthest(settings: &WatchSettings, priority: WatchPriority) -> Duration {
    let longest = match priority {
        // Such a watch is young when it is due.
        WatchPriority::New => return YOUNG + YOUNG / 10,
        WatchPriority::Rest => settings
            .schedule
            .iter()
            .chain([&settings.confirm_after, &settings.retention])
            .max()
            .copied()
            .unwrap_or_default(),
    };
    longest + longest / 10 + MARGIN
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smswatch_model::{MessageId, Tags, Timestamp};

    use super::*;
    use crate::Secret;
    use crate::privacy::Privacy;
    use crate::settings::PrivacySettings;
    use crate::watch::Watch;
    use crate::watch::lifecycle::{Answer, Lifecycle};

    #[test]
    fn what_a_wrong_clock_scheduled_years_ahead_lies_beyond() {
        let year = Duration::from_secs(365 * 24 * 3600);
        let settings = WatchSettings::default();
        assert!(
            WatchPriority::ALL
                .into_iter()
                .all(|priority| furthest(&settings, priority) < year)
        );
    }

    proptest! {
        #[test]
        fn nothing_that_the_schedule_asks_for_lies_beyond(
            gaps in proptest::collection::vec(1_000..86_400_000_u64, 1..6),
            retention in 60..3_000_000_u64,
            confirm_after in 0..90_000_u64,
            answers in proptest::collection::vec(0..3_u8, 1..30),
            random in 0.0..=1.0_f64,
        ) {
            let settings = WatchSettings {
                schedule: gaps.into_iter().map(Duration::from_millis).collect(),
                retention: Duration::from_secs(retention),
                confirm_after: Duration::from_secs(confirm_after),
                ..WatchSettings::default()
            };
            let lifecycle = Lifecycle {
                settings: &settings,
                privacy: &Privacy::new(PrivacySettings::default(), &Secret::new("s")),
                provider: "routee",
                shards: 16,
            stuck_after: &[Duration::from_secs(120).into()],
                stretch: 1,
                sweep_every: Duration::ZERO,
                all_swept_every: Duration::ZERO,
            };
            let id = MessageId::new("m").expect("a valid id");
            let mut now = Timestamp::from_seconds(1_777_636_800);
            let mut watch = Watch::new(now, Tags::new());
            for answer in answers {
                let answer = match answer {
                    0 => Answer::Empty,
                    1 => Answer::Unknown,
                    _ => Answer::Failed(crate::watch::lifecycle::Failure::default()),
                };
                watch = lifecycle.apply(&id, &watch, &answer, now, random).watch;
                let furthest = furthest(&settings, Lifecycle::priority(&watch));
                prop_assert!(watch.due <= now + furthest, "{} at {}", watch.due, now);
                now = now.max(watch.due);
            }
            let removed = lifecycle.remove(&id, &watch, now);
            let furthest = furthest(&settings, Lifecycle::priority(&removed));
            prop_assert!(removed.due <= now + furthest);
        }
    }
}
