//! Slots under every order of notifications, repetitions and crashes.

use proptest::prelude::*;

use super::*;

const THROTTLE: Throttle = Throttle {
    at_most: 3,
    per: Duration::from_secs(60),
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_777_636_800 + second)
}

fn position(number: u64) -> LogPosition {
    LogPosition(number.to_string())
}

/// Asks for the entry at `number` of a source that is settled up to another one.
fn ask(slots: &mut Slots, source: &str, settled: u64, number: u64, second: i64) -> bool {
    let asker = Asker {
        source,
        settled: &position(settled),
        is_certain: false,
        position: &position(number),
        kind: EventKind::StatusChanged,
        alert: None,
    };
    matches!(
        slots.ask(THROTTLE, &asker, at(second)),
        Answer::Given { .. }
    )
}

/// The slots as the store gives them back.
fn stored(slots: &Slots) -> Slots {
    let record = slots.record(THROTTLE, at(0));
    let kept = KeptRecord {
        id: crate::store::RecordId::new("grp_1").expect("an id"),
        version: 1,
        due: record.due,
        body: record.body,
    };
    Slots::decode(&kept).expect("what was written")
}

#[test]
fn a_slot_is_free_again_when_its_time_is_over() {
    let mut slots = Slots::default();
    for number in 1..=3 {
        assert!(ask(&mut slots, "0", 0, number, 0));
    }
    assert!(!ask(&mut slots, "0", 3, 4, 59));
    assert!(!ask(&mut slots, "1", 0, 1, 59), "all sources share them");
    assert!(ask(&mut slots, "0", 3, 4, 60));
}

#[test]
fn a_step_that_is_repeated_comes_to_the_same() {
    let mut slots = Slots::default();
    let first: Vec<bool> = (1..=4).map(|n| ask(&mut slots, "0", 0, n, 0)).collect();
    assert_eq!(first, [true, true, true, false]);
    let mut slots = stored(&slots);
    let before = slots.clone();
    // However late it comes: the slots are theirs, and are not given twice.
    for second in [1, 1_000] {
        let again: Vec<bool> = (1..=3)
            .map(|n| ask(&mut slots, "0", 0, n, second))
            .collect();
        assert_eq!(again, [true, true, true]);
    }
    assert_eq!(slots, before);
    // Other sources change nothing about that.
    assert!(ask(&mut slots, "1", 0, 9, 1_000));
    assert!(ask(&mut slots, "0", 0, 2, 5_000));
}

#[test]
fn whoever_asks_for_what_is_settled_takes_no_slot() {
    let mut slots = Slots::default();
    assert!(ask(&mut slots, "0", 0, 1, 0));
    assert!(ask(&mut slots, "0", 1, 2, 100));
    let before = slots.clone();
    assert!(!ask(&mut slots, "0", 0, 1, 200));
    assert_eq!(slots, before);
}

#[test]
fn who_is_late_is_told_so_unless_the_store_lost_what_was_settled() {
    let mut slots = Slots::default();
    assert!(ask(&mut slots, "0", 0, 1, 0));
    assert!(ask(&mut slots, "0", 1, 2, 0));
    let (settled, first) = (position(0), position(1));
    let late = Asker {
        source: "0",
        settled: &settled,
        is_certain: false,
        position: &first,
        kind: EventKind::StatusChanged,
        alert: None,
    };
    assert_eq!(slots.ask(THROTTLE, &late, at(1)), Answer::Late);
    let certain = Asker {
        is_certain: true,
        ..late
    };
    let given = Answer::Given { is_new: true };
    assert_eq!(slots.ask(THROTTLE, &certain, at(1)), given);
}

#[test]
fn what_was_refused_in_parts_is_refused_again() {
    let mut slots = Slots::default();
    for number in 1..=3 {
        assert!(ask(&mut slots, "0", 0, number, 0));
    }
    let asker = Asker {
        source: "0",
        settled: &position(3),
        is_certain: false,
        position: &position(4),
        kind: EventKind::StatusChanged,
        alert: None,
    };
    assert_eq!(slots.ask(THROTTLE, &asker, at(1)), Answer::Refused);
    slots.refuse(&asker, THROTTLE.per, at(1));
    assert!(!ask(&mut stored(&slots), "0", 3, 4, 500));
    assert!(ask(&mut slots, "0", 3, 5, 500));
}

#[test]
fn groups_that_asked_long_ago_are_forgotten_but_for_the_latest() {
    let mut slots = Slots::default();
    for number in 0..500 {
        let source = format!("group:{number}");
        let second = i64::from(number) * 60;
        assert!(ask(&mut slots, &source, 0, 1, second));
    }
    assert!(
        slots.sources.len() <= MOST_UNSETTLED + 3,
        "{}",
        slots.sources.len()
    );
    assert!(ask(&mut slots, "group:499", 0, 1, 9_000_000));
}

proptest! {
    /// Steps of several logs, some of which crash before their cursor moves and are repeated.
    #[test]
    fn in_no_time_of_its_length_more_are_told_than_allowed(
        steps in prop::collection::vec((0usize..3, 1u64..6, 0i64..30, prop::bool::ANY), 1..60),
    ) {
        let mut slots = Slots::default();
        let (mut second, mut cursors) = (0, [0u64; 3]);
        // When what was told, by source and entry.
        let mut told: BTreeMap<(usize, u64), i64> = BTreeMap::new();
        for (source, count, later, crashes) in steps {
            second += later;
            let (name, settled) = (source.to_string(), cursors[source]);
            for number in settled + 1..=settled + count {
                if ask(&mut slots, &name, settled, number, second) {
                    // One that is repeated was told when it got its slot.
                    told.entry((source, number)).or_insert(second);
                } else {
                    prop_assert!(!told.contains_key(&(source, number)), "a slot is lost");
                }
            }
            slots = stored(&slots);
            if !crashes {
                cursors[source] += count;
            }
        }
        let mut times: Vec<i64> = told.values().copied().collect();
        times.sort_unstable();
        for window in times.windows(THROTTLE.at_most as usize + 1) {
            prop_assert!(window[window.len() - 1] - window[0] >= 60, "{times:?}");
        }
    }
}

#[test]
fn the_end_of_an_alert_is_told_if_its_beginning_was_and_takes_no_slot() {
    let mut slots = Slots::default();
    let mut ask_for = |number: u64, started_at: i64, is_over: bool| {
        let alert = AskedAlert {
            key: "key_1".to_owned(),
            started_at,
            is_over,
        };
        let kind = match is_over {
            true => EventKind::AlertResolved,
            false => EventKind::AlertFiring,
        };
        let asker = Asker {
            source: "0",
            settled: &position(0),
            is_certain: false,
            position: &position(number),
            kind,
            alert: Some(&alert),
        };
        let one = Throttle {
            at_most: 1,
            ..THROTTLE
        };
        let answer = slots.ask(one, &asker, at(1)) != Answer::Refused;
        slots = stored(&slots);
        answer
    };
    assert!(ask_for(1, 10, false));
    assert!(ask_for(2, 10, true), "it was told that it fires");
    assert!(ask_for(2, 10, true), "a repeated step comes to the same");
    assert!(!ask_for(3, 20, false), "the only slot is taken");
    assert!(!ask_for(4, 20, true), "nobody knows that it fired");
}
