//! A status that is dated before the known one waits for a second poll, and not for the schedule.

use super::*;

impl Walk {
    /// A poll that finds one part with this status, dated so many seconds before or after [`START`].
    fn sees_dated(&mut self, status: &str, second: i64) -> &mut Self {
        let now = self.now.max(self.watch.due);
        let date = Timestamp::from_seconds(START + second);
        let observation = one_part(Source::Poll, now, status, date);
        self.answer(&Answer::Seen(Box::new(observation)))
    }
}

#[test]
fn a_status_dated_before_the_known_one_is_told_a_minute_after_it_was_seen() {
    let mut walk = Walk::new();
    walk.settings.schedule = vec![Duration::from_secs(3600)];
    walk.sees_dated("Sent", -10);
    assert_about(walk.waits(), 3600);
    // Receipts are often dated in whole minutes.
    walk.sees_dated("Undelivered", -40);
    assert_eq!(walk.told, ["sms.status_changed Sent"]);
    assert_about(walk.waits(), 60);
    walk.sees_dated("Undelivered", -40);
    let told = ["sms.status_changed Sent", "sms.status_changed Undelivered"];
    assert_eq!(walk.told, told);
    assert_eq!(walk.watch.state, WatchState::Final);
}

#[test]
fn a_contradiction_that_is_never_decided_does_not_hurry_the_polls() {
    let mut walk = Walk::new();
    walk.settings.schedule = vec![Duration::from_secs(3600)];
    walk.sees_dated("Sent", -10).sees_dated("Queued", -40);
    assert_about(walk.waits(), 60);
    // From now on another part is told alone.
    walk.sees(&[("q", "Sent")], 1);
    assert_about(walk.waits(), 3600);
    walk.sees(&[("q", "Sent")], 1);
    assert_about(walk.waits(), 3600);
}

#[test]
fn a_contradiction_of_what_is_final_that_is_never_decided_ends() {
    let mut walk = Walk::new();
    walk.sees_dated("Delivered", -10);
    walk.sees_dated("Undelivered", -40);
    assert!(!walk.watch.is_confirmed);
    // From now on nothing is told of it.
    for _ in 0..3 {
        if !walk.watch.is_confirmed {
            assert_about(walk.waits(), 60);
            walk.answer(&Answer::Empty);
        }
    }
    assert!(walk.watch.is_confirmed);
    let retained = walk.watch.due.since(walk.watch.ended_at.expect("it ended"));
    assert_about(retained, 7 * 24 * 3600);
}
