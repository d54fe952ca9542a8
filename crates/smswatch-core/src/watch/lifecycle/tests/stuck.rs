//! Messages without a final status are told once for each length of time that a rule names.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::rules::StuckAfter;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn walk(stuck_after: &[u64]) -> Walk {
    let mut walk = Walk::new();
    walk.stuck_after = stuck_after
        .iter()
        .copied()
        .map(seconds)
        .map(Into::into)
        .collect();
    walk
}

impl Walk {
    fn count(&self, kind: &str) -> usize {
        let of_kind = self.told.iter().filter(|told| told.starts_with(kind));
        of_kind.count()
    }

    fn age(&self) -> Duration {
        self.now.since(self.watch.registered_at)
    }
}

#[test]
fn a_message_without_a_final_status_is_told_at_each_deadline_and_once() {
    let mut walk = walk(&[20, 120]);
    while walk.count("sms.stuck") == 0 {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_about(walk.age(), 21);
    while walk.count("sms.stuck") == 1 {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_about(walk.age(), 121);
    for _ in 0..20 {
        walk.sees(&[("p", "Sent")], 1);
    }
    walk.sees(&[("p", "Delivered")], 1);
    let expected = [
        "sms.status_changed Sent",
        "sms.stuck Sent",
        "sms.stuck Sent",
        "sms.status_changed Delivered",
    ];
    assert_eq!(walk.told, expected);
}

#[test]
fn a_message_that_is_final_by_the_deadline_tells_nothing_even_if_it_flips_later() {
    let mut walk = walk(&[20]);
    walk.sees(&[("p", "Sent")], 1)
        .sees(&[("p", "Delivered")], 1);
    assert!(walk.age() < seconds(20));
    assert_eq!(walk.watch.state, WatchState::Final);
    for _ in 0..5 {
        walk.sees(&[("p", "Buffered")], 1);
    }
    assert_eq!(walk.watch.state, WatchState::Watching);
    assert_eq!(walk.count("sms.stuck"), 0);
}

#[test]
fn neither_silence_nor_an_empty_answer_decides_that_a_message_is_stuck() {
    let mut walk = walk(&[20]);
    walk.sees(&[("p", "Sent")], 1);
    for answer in [
        Answer::Failed(Failure::default()),
        Answer::Empty,
        Answer::Unreadable(Failure::default()),
    ] {
        walk.now = walk.now + seconds(60);
        walk.answer(&answer);
    }
    walk.now = walk.now + seconds(60);
    walk.answer(&Answer::Unknown);
    assert_eq!(walk.told, ["sms.status_changed Sent"]);
    walk.sees(&[("p", "Sent")], 1);
    assert_eq!(walk.told[1..], ["sms.stuck Sent"]);
}

#[test]
fn a_message_that_is_known_late_is_stuck_once_it_is_known() {
    let mut walk = walk(&[20]);
    while walk.age() < seconds(60) {
        walk.answer(&Answer::Unknown);
    }
    assert!(walk.told.is_empty());
    walk.sees(&[("p", "Queued")], 1);
    assert_eq!(walk.told, ["sms.status_changed Queued", "sms.stuck Queued"]);
}

#[test]
fn a_message_that_was_given_up_as_unknown_is_stuck_once_it_is_told() {
    let mut walk = walk(&[20]);
    while walk.watch.state == WatchState::Watching {
        walk.answer(&Answer::Unknown);
    }
    assert_eq!(walk.told, ["sms.not_found"]);
    let observation = Observation {
        source: Source::Callback,
        observed_at: walk.now,
        facts: MessageFacts::default(),
        parts: vec![report("p", "Queued", None)],
    };
    let told = walk.observes(Effect::Continues, &observation);
    let kinds: Vec<_> = told
        .events
        .iter()
        .map(|event| (event.kind, event.sequence))
        .collect();
    // What was told before anything was known of it has no number of its own.
    let expected = [(EventKind::StatusChanged, 1), (EventKind::Stuck, 2)];
    assert_eq!(kinds, expected);
    assert_eq!(told.watch.state, WatchState::Watching);
}

#[test]
fn a_rule_that_is_new_is_told_once_and_one_that_went_is_not_told_again() {
    let mut walk = walk(&[20]);
    while walk.age() < seconds(100) {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_eq!(walk.count("sms.stuck"), 1);
    for after in [vec![30], vec![20, 30], vec![20]] {
        walk.stuck_after = after.into_iter().map(seconds).map(Into::into).collect();
        walk.sees(&[("p", "Sent")], 1);
        walk.sees(&[("p", "Sent")], 1);
        assert_eq!(walk.count("sms.stuck"), 2, "{:?}", walk.stuck_after);
    }
}

#[test]
fn a_message_that_is_registered_again_can_be_stuck_again() {
    let mut walk = walk(&[20]);
    walk.settings.give_up_after = seconds(60);
    while walk.watch.state == WatchState::Watching {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_eq!(walk.count("sms.stuck"), 1);
    walk.watch = walk.watch.clone().begun_anew(walk.now);
    while walk.watch.state == WatchState::Watching {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_eq!(walk.count("sms.stuck"), 2);
}

#[test]
fn the_part_that_is_furthest_from_its_end_is_told() {
    let mut walk = walk(&[20]);
    walk.now = walk.now + seconds(30);
    walk.sees(&[("p", "Delivered"), ("q", "Sent"), ("r", "Queued")], 4);
    assert_eq!(
        walk.told.last().map(String::as_str),
        Some("sms.stuck Queued")
    );
    let mut walk = super::stuck::walk(&[20]);
    walk.now = walk.now + seconds(30);
    walk.sees(&[("p", "Delivered")], 2);
    assert_eq!(walk.told.last().map(String::as_str), Some("sms.stuck"));
}

fn repeating(after: u64, every: u64) -> StuckAfter {
    StuckAfter {
        after: seconds(after),
        repeat: Some(seconds(every)),
    }
}

#[test]
fn a_rule_that_repeats_is_told_again_without_drift_until_the_message_is_final() {
    let mut walk = walk(&[]);
    walk.stuck_after = vec![repeating(20, 60)];
    let mut ages = Vec::new();
    while walk.age() < seconds(320) {
        let before = walk.count("sms.stuck");
        walk.sees(&[("p", "Sent")], 1);
        if walk.count("sms.stuck") > before {
            ages.push(walk.age());
        }
    }
    assert_eq!(ages.len(), 6, "{ages:?}");
    for (times, age) in (0..).zip(ages) {
        assert_about(age, 21 + 60 * times);
    }
    walk.sees(&[("p", "Delivered")], 1);
    walk.now = walk.now + seconds(600);
    walk.sees(&[("p", "Delivered")], 1);
    assert_eq!(walk.count("sms.stuck"), 6);
}

#[test]
fn times_that_passed_without_an_answer_are_told_as_one() {
    let mut walk = walk(&[]);
    walk.stuck_after = vec![repeating(20, 60)];
    walk.now = walk.now + seconds(30);
    walk.sees(&[("p", "Sent")], 1);
    assert_eq!(walk.count("sms.stuck"), 1);
    walk.now = walk.now + seconds(1_000);
    walk.sees(&[("p", "Sent")], 1).sees(&[("p", "Sent")], 1);
    assert_eq!(walk.count("sms.stuck"), 2);
}

#[test]
fn a_repeat_that_is_new_holds_from_then_on() {
    let mut walk = walk(&[20]);
    while walk.age() < seconds(300) {
        walk.sees(&[("p", "Sent")], 1);
    }
    walk.stuck_after = vec![repeating(20, 60)];
    walk.sees(&[("p", "Sent")], 1);
    assert_eq!(walk.count("sms.stuck"), 1);
    let known_at = walk.age();
    while walk.count("sms.stuck") == 1 {
        walk.sees(&[("p", "Sent")], 1);
    }
    let waited = walk.age().saturating_sub(known_at);
    assert!(waited <= seconds(62), "{waited:?}");
}

#[test]
fn a_message_that_was_final_meanwhile_is_not_told_for_that_time() {
    let mut walk = walk(&[]);
    walk.stuck_after = vec![repeating(20, 60)];
    walk.sees(&[("p", "Sent")], 1);
    walk.now = walk.now + seconds(30);
    walk.sees(&[("p", "Sent")], 1);
    assert_eq!(walk.count("sms.stuck"), 1);
    walk.sees(&[("p", "Delivered")], 1);
    walk.now = walk.now + seconds(500);
    while walk.watch.state == WatchState::Final {
        walk.sees(&[("p", "Buffered")], 1);
    }
    assert_eq!(walk.count("sms.stuck"), 1);
}

proptest! {
    #[test]
    fn each_deadline_is_told_once_by_the_first_answer_behind_it_unless_the_message_is_final_before(
        afters in proptest::collection::btree_set(1..3_000_u64, 0..6),
        answers in proptest::collection::vec(
            (prop::sample::select(vec!["Sent", "Sent", "Buffered", "fails", "empty", "unknown"]), 0..900_u64),
            1..30,
        ),
        ends in any::<bool>(),
    ) {
        let mut walk = walk(&[]);
        walk.stuck_after = afters.iter().copied().map(seconds).map(Into::into).collect();
        let mut expected = BTreeSet::new();
        for (answer, pause) in answers {
            walk.now = walk.now + seconds(pause);
            let at = walk.now.max(walk.watch.due).since(walk.watch.registered_at);
            match answer {
                "fails" => walk.answer(&Answer::Failed(Failure::default())),
                "empty" => walk.answer(&Answer::Empty),
                "unknown" => walk.answer(&Answer::Unknown),
                status => {
                    let passed = afters.iter().filter(|after| seconds(**after + 1) <= at);
                    expected.extend(passed);
                    walk.sees(&[("p", status)], 1)
                }
            };
            if walk.watch.state != WatchState::Watching {
                break;
            }
            prop_assert_eq!(&walk.watch.stuck, &expected);
            prop_assert_eq!(walk.count("sms.stuck"), expected.len());
            let stored = Watch::decode(&walk.watch.encode());
            prop_assert_eq!(stored.as_ref(), Ok(&walk.watch));
        }
        if ends && walk.watch.state == WatchState::Watching {
            walk.now = walk.now + seconds(5_000);
            walk.sees(&[("p", "Delivered")], 1);
            prop_assert_eq!(walk.count("sms.stuck"), expected.len());
        }
    }
}
