//! Counts events and judges rates, a step at a time.

use proptest::prelude::*;

use super::*;
use crate::rules::{RateBound, RateGroup};
use crate::store::Shard;

const START: i64 = 1_777_636_800;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second)
}

/// More than 8 % of at least ten in ten minutes, until it is less than 5 %.
fn settings() -> RateSettings {
    RateSettings {
        over: Duration::from_secs(600),
        above: RateBound::Percent(8.0),
        clear_below: RateBound::Percent(5.0),
        at_least: 10,
        lasting: Duration::ZERO,
        repeat: None,
        usual: None,
    }
}

/// A rate with what `counting` adds to it; `None` if it has taken that entry before.
fn count(before: Option<Due>, counting: &Counting, source: &Source, now: Timestamp) -> Option<Due> {
    let (after, taken) = count_all(before, &[counting], source, now);
    (!taken.is_empty()).then_some(after)
}

struct Walk {
    settings: RateSettings,
    due: Option<Due>,
    entries: u64,
    told: Vec<(AlertState, u64, u64)>,
    /// When it was told again, and which time that was.
    repeats: Vec<(i64, u64)>,
}

impl Walk {
    fn new(settings: RateSettings) -> Self {
        Self {
            settings,
            due: None,
            entries: 0,
            told: Vec::new(),
            repeats: Vec::new(),
        }
    }

    fn counting(&self, events: Vec<(Timestamp, bool)>) -> Counting {
        Counting {
            wanted: RateGroup {
                rule: "undelivered".to_owned(),
                values: BTreeMap::new(),
                settings: self.settings,
            },
            position: LogPosition(format!("{}", self.entries)),
            events,
            fires: None,
            held_back: 0,
            failures: Vec::new(),
        }
    }

    fn sees(&mut self, second: i64, good: usize, bad: usize) -> &mut Self {
        self.until(second);
        self.entries += 1;
        let good = std::iter::repeat_n((at(second), false), good);
        let events = good.chain(std::iter::repeat_n((at(second), true), bad));
        let counting = self.counting(events.collect());
        let log = Source::Log(Shard(3));
        let taken = count(self.due.clone(), &counting, &log, at(second)).expect("it is new");
        assert_eq!(
            count(Some(taken.clone()), &counting, &log, at(second)),
            None,
            "an entry is taken once"
        );
        self.due = Some(taken);
        self
    }

    /// Judges whenever it is due, up to this second.
    fn until(&mut self, second: i64) -> &mut Self {
        while let Some(due) = self.due.take() {
            if due.at > at(second) {
                self.due = Some(due);
                break;
            }
            let now = due.at;
            let decision = decide(due.rate, now);
            if let Some(alert) = decision.alert {
                self.told.push((alert.state, alert.count, alert.total));
            }
            let second = now.as_seconds() - START;
            let repeated = decision.repeated.map(|repeated| (second, repeated.times));
            self.repeats.extend(repeated);
            let is_later = decision.after.as_ref().is_none_or(|due| due.at > now);
            assert!(is_later, "it is due again at once");
            self.due = decision.after;
        }
        self
    }
}

#[test]
fn it_opens_once_above_its_bound_and_resolves_below_the_other_one() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 20, 0).sees(30, 17, 1).until(60);
    assert_eq!(walk.told, [], "1 of 38 is too few");
    walk.sees(60, 0, 3).until(100);
    assert_eq!(walk.told, [(AlertState::Firing, 4, 41)]);
    // 5 of 70 is below the one bound, and not below the other.
    walk.sees(110, 28, 1).until(150);
    walk.sees(160, 0, 3).until(200);
    assert_eq!(walk.told.len(), 1, "it fires already");
    walk.sees(210, 100, 0).until(240);
    assert_eq!(walk.told[1..], [(AlertState::Resolved, 8, 173)]);
}

#[test]
fn a_rate_in_which_nothing_counts_is_judged_when_its_window_is_over() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 20, 0).sees(30, 20, 0);
    assert_eq!(walk.due.as_ref().map(|due| due.at), Some(at(600)));
    walk.sees(60, 0, 1);
    assert!(walk.due.as_ref().is_some_and(|due| due.at <= at(70)));
}

#[test]
fn few_events_say_nothing_however_bad_they_are() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 0, 9).until(300);
    assert_eq!(walk.told, []);
    walk.sees(300, 0, 1).until(400);
    assert_eq!(walk.told, [(AlertState::Firing, 10, 10)]);
}

#[test]
fn it_resolves_when_the_window_is_empty_and_is_forgotten() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 5, 15).until(620);
    let expected = [(AlertState::Firing, 15, 20), (AlertState::Resolved, 0, 0)];
    assert_eq!(walk.told, expected);
    walk.until(600 + 10 + 2 * 3600);
    assert_eq!(walk.due, None);
    assert_eq!(walk.told, expected);
}

#[test]
fn it_fires_once_it_has_been_above_its_bound_for_as_long_as_the_rule_says() {
    let lasting = Duration::from_secs(120);
    let mut walk = Walk::new(RateSettings {
        lasting,
        ..settings()
    });
    walk.sees(0, 0, 20).until(60).sees(60, 300, 0).until(200);
    assert_eq!(walk.told, [], "it was above only for a minute");
    walk.sees(300, 0, 40).until(400);
    assert_eq!(walk.told, []);
    walk.until(440);
    assert_eq!(walk.told, [(AlertState::Firing, 60, 360)]);
}

#[test]
fn a_bound_can_be_a_number_of_events() {
    let mut walk = Walk::new(RateSettings {
        above: RateBound::Count(3),
        clear_below: RateBound::Count(2),
        at_least: 1,
        ..settings()
    });
    walk.sees(0, 0, 3).until(30);
    assert_eq!(walk.told, []);
    walk.sees(100, 0, 1).until(130);
    assert_eq!(walk.told, [(AlertState::Firing, 4, 4)]);
    walk.until(800);
    assert_eq!(walk.told[1..].len(), 1);
    assert_eq!(walk.told[1].0, AlertState::Resolved);
}

#[test]
fn a_rate_is_read_as_it_was_written() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 5, 15).until(30);
    let due = walk.due.expect("it is due");
    let written = NewRecord::from(&due);
    let record = KeptRecord {
        id: walk_id(),
        version: 1,
        due: written.due,
        body: written.body,
    };
    assert_eq!(Rate::decode(&record), Some(due.rate));
    let body = b"\x02{}".to_vec();
    assert_eq!(Rate::decode(&KeptRecord { body, ..record }), None);
}

fn walk_id() -> RecordId {
    Walk::new(settings()).counting(Vec::new()).rate_id()
}

#[test]
fn it_is_told_again_while_it_fires_without_drift() {
    let mut walk = Walk::new(RateSettings {
        repeat: Some(Duration::from_secs(60)),
        ..settings()
    });
    walk.sees(0, 0, 20).until(590);
    let (began, times): (Vec<_>, Vec<_>) = walk.repeats.iter().copied().unzip();
    assert_eq!(times, (1..=9).collect::<Vec<u64>>());
    for (n, second) in (1..).zip(&began) {
        assert_eq!(*second, 10 + 60 * n);
    }
    walk.until(700);
    let states: Vec<AlertState> = walk.told.iter().map(|(state, ..)| *state).collect();
    assert_eq!(states.len(), 11);
    assert_eq!(states[10], AlertState::Resolved);
    walk.sees(800, 0, 20).until(900);
    assert_eq!(walk.repeats[9].1, 1, "it begins anew");
}

#[test]
fn times_that_nobody_could_tell_are_told_as_one() {
    let mut walk = Walk::new(RateSettings {
        repeat: Some(Duration::from_secs(60)),
        ..settings()
    });
    walk.sees(0, 0, 20).until(20);
    let rate = walk.due.take().expect("it fires").rate;
    let decision = decide(rate, at(305));
    let every = 60;
    assert_eq!(decision.repeated, Some(Repeated { every, times: 4 }));
    let after = decision.after.expect("it still fires").rate;
    let decision = decide(after.clone(), at(309));
    assert_eq!((decision.repeated, decision.alert), (None, None));
    let decision = decide(after, at(310));
    assert_eq!(decision.repeated, Some(Repeated { every, times: 5 }));
}

#[test]
fn what_its_rule_says_about_repeats_holds_from_then_on() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 0, 20).until(100);
    let rate = || walk.due.clone().expect("it fires").rate;
    let repeat = |seconds| RateSettings {
        repeat: Some(Duration::from_secs(seconds)),
        ..settings()
    };
    let mut repeating = rate();
    repeating.follow(Some(repeat(30)));
    assert!(decide(repeating.clone(), at(100)).repeated.is_some());
    repeating.follow(None);
    assert_eq!(decide(repeating, at(100)).repeated, None);
    let mut later = rate();
    later.follow(Some(repeat(300)));
    let decision = decide(later, at(100));
    assert_eq!(decision.repeated, None);
    let due = decision.after.expect("it still fires").at;
    assert!(due <= at(110), "it is judged at each step of its window");
}

#[test]
fn what_is_held_back_while_it_fires_is_told_when_it_is_resolved() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 0, 20).until(20);
    let hold_back = |walk: &mut Walk, number: u64| {
        walk.entries += 1;
        let counting = Counting {
            fires: Some(true),
            held_back: number,
            ..walk.counting(Vec::new())
        };
        let log = Source::Log(Shard(3));
        let taken = count(walk.due.clone(), &counting, &log, at(30)).expect("it is new");
        assert_eq!(count(Some(taken.clone()), &counting, &log, at(30)), None);
        walk.due = Some(taken);
    };
    hold_back(&mut walk, 2);
    hold_back(&mut walk, 3);
    let due = walk.due.clone().expect("it fires");
    let decision = decide(due.rate, at(610));
    let alert = decision.alert.expect("its window is empty");
    assert_eq!((alert.state, alert.held_back), (AlertState::Resolved, 5));
    let rate = &decision.after.expect("it rests").rate;
    assert_eq!(rate.held_back, 0, "it does not fire any more");
}

#[test]
fn what_was_counted_before_an_alert_began_is_told_by_whoever_repeats_the_step() {
    let mut walk = Walk::new(settings());
    let log = Source::Log(Shard(3));
    walk.sees(0, 0, 20);
    let counted = walk.counting(Vec::new()).position;
    walk.until(20);
    let rate = &walk.due.as_ref().expect("its alert fires").rate;
    assert!(!rate.holds_back(&log, &counted));
    walk.entries += 1;
    let next = walk.counting(Vec::new()).position;
    assert!(rate.holds_back(&log, &next));
}

#[test]
fn of_two_processes_the_one_that_counts_first_decides_whether_an_alert_fires() {
    let mut walk = Walk::new(settings());
    walk.sees(0, 0, 20).until(20);
    let log = Source::Log(Shard(3));
    let routed = |walk: &Walk, fires: bool| Counting {
        fires: Some(fires),
        held_back: u64::from(fires),
        ..walk.counting(vec![(at(20), true)])
    };
    // Who asked before the alert began comes too late, and counts nothing.
    walk.entries += 1;
    let late = routed(&walk, false);
    let before = walk.due.clone().expect("its alert fires");
    assert_eq!(count(walk.due.clone(), &late, &log, at(21)), None);
    assert!(!before.rate.agrees(&late, &log));
    let held_back = routed(&walk, true);
    let after = count(walk.due.clone(), &held_back, &log, at(21)).expect("it is new");
    assert!(after.rate.agrees(&held_back, &log));
    assert!(!after.rate.agrees(&late, &log));
    assert_eq!((after.rate.held_back, after.rate.sums()), (1, (21, 21)));
    let again = count(Some(after.clone()), &held_back, &log, at(22));
    assert_eq!(again, None, "each once");
}

proptest! {
    #[test]
    fn the_order_of_events_of_one_moment_does_not_matter(
        mut events in prop::collection::vec((0..600_i64, any::<bool>()), 0..60),
        seed in any::<u64>(),
    ) {
        let of = |events: &[(i64, bool)]| {
            let mut walk = Walk::new(settings());
            for (second, is_bad) in events {
                walk.entries += 1;
                let counting = walk.counting(vec![(at(*second), *is_bad)]);
                walk.due = count(walk.due.take(), &counting, &Source::Log(Shard(0)), at(600));
            }
            walk.until(3 * 3600);
            walk.told
        };
        let before = of(&events);
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut events);
        prop_assert_eq!(of(&events), before);
    }

    #[test]
    fn firing_and_resolved_alternate_and_the_last_is_resolved(
        steps in prop::collection::vec((0..300_i64, 0..30_usize, 0..6_usize), 1..40),
        lasting in 0..300_u64,
    ) {
        let mut walk = Walk::new(RateSettings {
            lasting: Duration::from_secs(lasting),
            ..settings()
        });
        let mut second = 0;
        for (pause, good, bad) in steps {
            second += pause;
            walk.sees(second, good, bad);
        }
        walk.until(second + 3 * 3600);
        prop_assert_eq!(walk.due, None);
        for (place, (state, count, total)) in walk.told.iter().enumerate() {
            let fires = place % 2 == 0;
            prop_assert_eq!(*state == AlertState::Firing, fires);
            if fires {
                prop_assert!(*total >= 10 && percent(*count, *total) > 8.0);
            } else {
                prop_assert!(*total == 0 || percent(*count, *total) < 5.0);
            }
        }
        prop_assert_eq!(walk.told.len() % 2, 0);
    }
}
