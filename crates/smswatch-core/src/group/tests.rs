//! Groups under every order of events, repetitions, crashes and restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use smswatch_model::Message;

use super::*;
use crate::event::test_event;
use crate::store::Shard;

const WAIT: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(300);
const MAX: usize = 3;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_777_636_800 + second)
}

fn event(n: usize) -> Event {
    let event = test_event("routee", "slack", at(0), 1);
    Event {
        event_id: EventId::new(format!("evt_{n}")).expect("an id"),
        message: Message {
            message_id: Some(MessageId::new(format!("m{n}")).expect("an id")),
            ..event.message
        },
        ..event
    }
}

fn wanted() -> RuleMatch {
    RuleMatch {
        rule: "undelivered".to_owned(),
        sink: "slack".to_owned(),
        overrides: Overrides::new(),
        severity: Severity::Warning,
        group: BTreeMap::from([("country".to_owned(), "GR".to_owned())]),
        gathering: Some(Gathering {
            wait: WAIT,
            interval: INTERVAL,
            max: MAX,
            throttle: None,
        }),
        is_once: false,
        events: vec![0],
    }
}

fn entry(position: usize, events: Vec<Event>) -> Fold {
    Fold {
        wanted: wanted(),
        position: LogPosition(position.to_string()),
        events,
        known: Vec::new(),
        held_back: Vec::new(),
    }
}

fn log(shard: u16) -> Source {
    Source::Log(Shard(shard))
}

fn ids(group: &Group) -> Vec<&str> {
    let ids = group.events.iter();
    ids.map(|event| event.event_id.as_str()).collect()
}

/// A group as the store gives it back.
fn stored(due: &Due) -> Due {
    let record = NewRecord::from(due);
    let kept = KeptRecord {
        id: RecordId::new("grp_1").expect("an id"),
        version: 1,
        due: record.due,
        body: record.body,
    };
    Due {
        group: Group::decode(&kept).expect("what was written"),
        at: record.due.expect("it is due some time"),
    }
}

fn told(due: Due, now: Timestamp) -> (Group, Due) {
    match decide(due.group, now) {
        Decision::Tell(told, next) => (*told, next),
        other => panic!("it has events to tell: {other:?}"),
    }
}

#[test]
fn the_first_notification_waits_and_later_ones_keep_their_interval() {
    let first = fold(None, &entry(1, vec![event(1)]), &log(0), at(0)).expect("it is new");
    assert_eq!(first.at, at(30));
    let both = fold(Some(first), &entry(2, vec![event(2)]), &log(0), at(20)).expect("it is new");
    assert_eq!(both.at, at(30));
    let (group, quiet) = told(both, at(31));
    assert_eq!(ids(&group), ["evt_1", "evt_2"]);
    assert_eq!(quiet.at, at(331));
    let next = fold(Some(quiet), &entry(3, vec![event(3)]), &log(0), at(40)).expect("it is new");
    assert_eq!(next.at, at(331));
    let (group, quiet) = told(next, at(331));
    assert_eq!(ids(&group), ["evt_3"]);
    let Decision::Rest(rest) = decide(quiet.group, at(631)) else {
        panic!("an interval without events forgets it");
    };
    let late = fold(
        Some(rest.clone()),
        &entry(4, vec![event(4)]),
        &log(0),
        at(700),
    );
    assert_eq!(
        late.expect("it is new").at,
        at(730),
        "it waits as a new one does"
    );
    assert_eq!(decide(rest.group, rest.at), Decision::Remove);
}

#[test]
fn an_entry_is_taken_once_and_each_source_has_its_own_order() {
    let one = fold(None, &entry(9, vec![event(1)]), &log(0), at(0)).expect("it is new");
    assert_eq!(
        fold(Some(one.clone()), &entry(9, vec![event(1)]), &log(0), at(1)),
        None
    );
    assert_eq!(
        fold(Some(one.clone()), &entry(8, vec![event(1)]), &log(0), at(1)),
        None
    );
    let two = fold(Some(one), &entry(8, vec![event(2)]), &log(1), at(1)).expect("another log");
    let left = Source::Left(Shard(0));
    let three = fold(Some(two), &entry(5, vec![event(3)]), &left, at(1)).expect("it was left");
    assert_eq!(
        fold(Some(three.clone()), &entry(5, vec![event(3)]), &left, at(1)),
        None
    );
    let four = fold(Some(three), &entry(4, vec![event(4)]), &left, at(1));
    let four = four.expect("what was left is taken in any order");
    let (_, quiet) = told(four, at(30));
    let Decision::Rest(rest) = decide(quiet.group, quiet.at) else {
        panic!("an interval without events forgets it");
    };
    let again = fold(Some(rest), &entry(9, vec![event(1)]), &log(0), at(400));
    assert_eq!(again, None, "a forgotten group still knows what it took");
}

#[test]
fn a_detail_takes_the_place_of_the_event_that_it_refines() {
    let plain = event(1);
    let refined = Event {
        refined: true,
        refines: Some(plain.event_id.clone()),
        ..event(2)
    };
    let group = fold(
        None,
        &entry(1, vec![plain.clone(), event(3)]),
        &log(0),
        at(0),
    );
    let known = || Fold {
        known: vec![plain.event_id.clone()],
        ..entry(2, vec![refined.clone()])
    };
    let group = fold(group, &known(), &log(0), at(1)).expect("it is new");
    assert_eq!(ids(&group.group), ["evt_2", "evt_3"]);
    let (_, quiet) = told(group, at(30));
    let late = Fold {
        position: LogPosition("3".to_owned()),
        ..known()
    };
    let late = fold(Some(quiet.clone()), &late, &log(0), at(40)).expect("it is new");
    assert!(late.group.is_empty(), "its earlier form was told");
    let alone = entry(4, vec![refined]);
    let alone = fold(Some(quiet), &alone, &log(0), at(40)).expect("it is new");
    assert_eq!(ids(&alone.group), ["evt_2"]);
}

#[test]
fn a_group_holds_a_bounded_number_of_bytes_and_counts_the_rest() {
    let mut large = event(1);
    large.message.label = Some("x".repeat(MOST_BYTES / 2));
    let events = vec![large.clone(), event(2), large.clone(), large];
    let group = fold(None, &entry(1, events), &log(0), at(0)).expect("it is new");
    assert_eq!((group.group.events.len(), group.group.omitted()), (2, 2));
}

#[test]
fn what_a_silence_holds_back_gives_way_to_what_it_does_not() {
    let n = MAX + SPARE + 5;
    let silent: Vec<Event> = (0..n).map(event).collect();
    let silent = Fold {
        held_back: silent.iter().map(|event| event.event_id.clone()).collect(),
        ..entry(1, silent)
    };
    let group = fold(None, &silent, &log(0), at(0)).expect("it is new");
    assert_eq!(group.group.events.len(), MAX + SPARE);
    assert_eq!(group.group.omitted_held_back, 5);
    let loud = (n..n + 2).map(event).collect();
    let group = fold(Some(group), &entry(2, loud), &log(0), at(1)).expect("it is new");
    let kept = ids(&group.group);
    assert_eq!(kept.len(), MAX + SPARE);
    let loud = [format!("evt_{n}"), format!("evt_{}", n + 1)];
    assert_eq!(kept[kept.len() - 2..], loud);
    assert_eq!(group.group.omitted_held_back, 7);
    assert_eq!(
        group.group.omitted_of(2),
        0,
        "none of the loud ones is only counted"
    );
    assert_eq!(group.group.size(), n as u64 + 2);
}

#[test]
fn what_a_rule_wants_now_holds_from_the_next_notification_on() {
    let group = fold(None, &entry(1, vec![event(1)]), &log(0), at(0));
    let mut changed = entry(2, vec![event(2)]);
    changed.wanted.severity = Severity::Critical;
    let group = fold(group, &changed, &log(0), at(1)).expect("it is new");
    assert_eq!(group.group.severity, Severity::Warning);
    let (_, quiet) = told(group, at(30));
    changed.position = LogPosition("3".to_owned());
    let group = fold(Some(quiet), &changed, &log(0), at(31)).expect("it is new");
    assert_eq!(group.group.severity, Severity::Critical);
}

#[derive(Debug, Clone)]
enum Step {
    /// The next entry of a log comes, and is folded this many times.
    Entry {
        shard: u16,
        n_events: usize,
        times: usize,
    },
    /// A step from before is repeated.
    Again { shard: u16 },
    /// Time passes.
    Pass(u32),
    /// Somebody looks whether the group is due, and dies before writing what came of it.
    Crash,
    /// Somebody looks whether the group is due.
    Look,
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_u16, 1..4_usize, 1..3_usize)
            .prop_map(|(shard, n_events, times)| Step::Entry { shard, n_events, times }),
        1 => (0..2_u16).prop_map(|shard| Step::Again { shard }),
        3 => (1..400_u32).prop_map(Step::Pass),
        1 => Just(Step::Crash),
        3 => Just(Step::Look),
    ]
}

/// What was told: of each notification the shown events, and how many more there were.
#[derive(Debug, Default)]
struct Told {
    shown: Vec<String>,
    counted: u64,
    generations: Vec<u64>,
}

impl Told {
    /// Does what is due at `now`.
    fn look(&mut self, group: Option<Due>, now: Timestamp) -> Option<Due> {
        let due = group?;
        if due.at > now {
            return Some(due);
        }
        match decide(due.group, now) {
            Decision::Tell(group, next) => {
                assert!(!group.events.is_empty());
                let shown = ids(&group).into_iter().take(group.max());
                self.shown.extend(shown.map(str::to_owned));
                self.counted += group.omitted();
                self.generations.push(group.generation);
                Some(next)
            }
            Decision::Rest(next) => Some(next),
            Decision::Remove => None,
        }
    }
}

proptest! {
    #[test]
    fn each_event_is_told_once_or_counted(steps in prop::collection::vec(some_step(), 1..60)) {
        let mut group: Option<Due> = None;
        let mut told = Told::default();
        let (mut second, mut n_events) = (0_i64, 0);
        let mut logs: [Vec<Fold>; 2] = [Vec::new(), Vec::new()];
        for step in steps {
            group = group.as_ref().map(stored);
            match step {
                Step::Entry { shard, n_events: more, times } => {
                    let events = (n_events..n_events + more).map(event).collect();
                    n_events += more;
                    let log_of_shard = &mut logs[usize::from(shard)];
                    let next = entry(log_of_shard.len() + 1, events);
                    log_of_shard.push(next.clone());
                    for _ in 0..times {
                        group = fold(group.clone(), &next, &log(shard), at(second)).or(group);
                    }
                }
                Step::Again { shard } => {
                    // A group is removed long after anything of it could be repeated.
                    let last = logs[usize::from(shard)].last();
                    let start = LogPosition(String::new());
                    let is_known = group
                        .as_ref()
                        .is_some_and(|due| due.group.taken.contains(&log(shard), &start));
                    if let Some(last) = last.filter(|_| is_known) {
                        group = fold(group.clone(), last, &log(shard), at(second)).or(group);
                    }
                }
                Step::Pass(seconds) => second += i64::from(seconds),
                Step::Crash => {
                    if let Some(due) = group.clone().filter(|due| due.at <= at(second)) {
                        let (first, again) = (decide(due.group.clone(), at(second)), decide(due.group, at(second)));
                        prop_assert_eq!(first, again);
                    }
                }
                Step::Look => group = told.look(group, at(second)),
            }
        }
        while group.is_some() {
            second += 10_000;
            group = told.look(group, at(second));
        }
        let mut once = told.shown.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), told.shown.len(), "none is told twice");
        prop_assert_eq!(told.shown.len() as u64 + told.counted, n_events as u64);
        let number = |id: &String| id["evt_".len()..].parse::<usize>().expect("a number");
        prop_assert!(told.shown.is_sorted_by_key(number), "they keep their order");
        prop_assert!(told.generations.is_sorted_by(|one, next| one < next));
    }
}

#[test]
fn a_group_that_a_clock_was_ahead_for_waits_for_no_longer_than_it_can() {
    let first = fold(None, &entry(1, vec![event(1)]), &log(0), at(86_400)).expect("it is new");
    let (_, next) = told(first, at(86_400 + 30));
    // The clock was ahead by a day, and is right again.
    let next = fold(Some(next), &entry(2, vec![event(2)]), &log(0), at(60)).expect("it is new");
    assert_eq!(next.at, at(60) + INTERVAL);
    assert_eq!(ids(&next.group), ["evt_2"]);
}
