//! Parts that never come, come late, or change their number.

use super::*;

#[test]
fn a_part_that_never_comes_does_not_keep_the_message_open_for_ever() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Delivered")], 2);
    let first = walk.now;
    while walk.watch.state == WatchState::Watching {
        walk.sees(&[("p", "Delivered")], 2);
    }
    assert_about(walk.now.since(first), 600);
    assert_eq!(walk.watch.state, WatchState::Final);
}

#[test]
fn a_count_that_is_told_late_makes_no_message_wait_for_ever() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Sent")], 0);
    walk.sees(&[("p", "Delivered")], 3);
    let told_at = walk.now;
    while walk.watch.state == WatchState::Watching {
        walk.sees(&[("p", "Delivered")], 3);
    }
    assert_about(walk.now.since(told_at), 600);
    assert_eq!(walk.watch.state, WatchState::Final);
    assert_eq!(
        walk.told,
        ["sms.status_changed Sent", "sms.status_changed Delivered"]
    );
}

#[test]
fn a_count_that_shrinks_ends_the_message_all_the_same() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Sent")], 3);
    while walk.watch.state == WatchState::Watching {
        walk.sees(&[("p", "Delivered")], 1);
    }
    assert_eq!(walk.watch.state, WatchState::Final);
}

#[test]
fn a_part_that_has_no_name_at_first_does_not_stay_behind() {
    let mut walk = Walk::new();
    walk.sees(&[("m1:1", "Sent")], 0);
    walk.sees(&[("real", "Delivered")], 1);
    assert_eq!(walk.watch.state, WatchState::Final);
    assert_eq!(
        walk.watch.snapshot.outcome(),
        smswatch_model::Outcome::Delivered
    );
}
