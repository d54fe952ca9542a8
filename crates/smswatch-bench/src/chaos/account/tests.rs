//! Accounts of a few events under a few rules.

use serde_json::{Value, json};
use smswatch_model::{CurrentStatus, EventId, EventKind, Fault, Message, MessageId, Source};

use super::super::letters::tests::letter;
use super::super::letters::{Letter, Letters};
use super::*;

const SINKS: [&str; 2] = ["extra", "other"];

/// The change number `n` of the message `m`, to a status.
fn event(n: u64, status: &str) -> Event {
    let at = Timestamp::from_seconds(1_777_636_800 + i64::try_from(n).expect("a few"));
    let event_id = EventId::new(format!("e{n}")).expect("an id");
    let message = Message {
        message_id: Some(MessageId::new("m").expect("an id")),
        ..Message::unknown("routee")
    };
    Event {
        sequence: n,
        source: Some(Source::Poll),
        fault: Some(Fault::None),
        current: Some(CurrentStatus {
            status: status.to_owned(),
            detailed_status: None,
            description: None,
            date: at,
            is_final: status != "Sent",
        }),
        ..Event::bare(event_id, EventKind::StatusChanged, at, message)
    }
}

/// How much was told, counted and held back, and how much is lost, false and doubled.
fn figures(
    rules: &[Value],
    events: &[Event],
    letters: &[(&str, Letter)],
    held_back: &[(&str, &str)],
) -> ([u64; 3], [u64; 3]) {
    let rules = Wanted::all(rules, &SINKS).expect("they compile");
    let mut all = Letters::default();
    for (id, letter) in letters {
        all.enter(id, letter.clone(), true);
    }
    let held_back = held_back.iter();
    let held_back = held_back.map(|(id, reason)| ((*id).to_owned(), (*reason).to_owned()));
    let mut matching = Matching::default();
    matching.extend(&rules, events);
    let account = Account {
        rules: &rules,
        events,
        matching: &matching,
        letters: &[&all],
        held_back: &held_back.collect(),
        silences: &HashMap::from([("s1".to_owned(), ("silenced", "Roaming"))]),
    };
    let balance = account.balance();
    (
        [balance.told, balance.omitted, balance.held_back],
        [&balance.lost, &balance.untrue, &balance.doubled].map(|found| found.count),
    )
}

fn failed() -> Value {
    json!({"name": "failed", "match": {"status": "Failed"}, "notify": ["extra"]})
}

fn rest() -> Value {
    json!({"name": "rest", "notify": ["extra"]})
}

#[test]
fn a_sink_is_told_of_an_event_by_the_first_rule_that_names_it() {
    let rules = [failed(), rest()];
    let events = [event(1, "Sent"), event(2, "Failed")];
    let good = [
        ("d1", letter("rest", &["e1"])),
        ("d2", letter("failed", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &good, &[]), ([2, 0, 0], [0, 0, 0]));
    assert_eq!(figures(&rules, &events, &good[..1], &[]).1, [1, 0, 0]);
    let too_much = [
        good[0].clone(),
        good[1].clone(),
        ("d3", letter("rest", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &too_much, &[]).1, [0, 1, 0]);
    let twice = [
        good[0].clone(),
        good[1].clone(),
        ("d4", letter("failed", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &twice, &[]).1, [0, 0, 1]);
}

#[test]
fn a_rule_that_stops_leaves_nothing_to_those_below() {
    let mut stopping = failed();
    stopping["stop"] = json!(true);
    stopping["notify"] = json!(["other"]);
    let told = Letter {
        sink: "other".to_owned(),
        ..letter("failed", &["e1"])
    };
    let events = [event(1, "Failed")];
    let rules = [stopping, rest()];
    let good = [("d1", told.clone())];
    assert_eq!(figures(&rules, &events, &good, &[]).1, [0, 0, 0]);
    let too_much = [("d1", told), ("d2", letter("rest", &["e1"]))];
    assert_eq!(figures(&rules, &events, &too_much, &[]).1, [0, 1, 0]);
}

#[test]
fn what_a_throttle_holds_back_a_rule_below_tells() {
    let mut few = failed();
    few["throttle"] = json!({"at_most": 1, "per": "1d"});
    let rules = [few, rest()];
    let events = [event(1, "Failed"), event(2, "Failed")];
    let reason = "throttle of failed: 1 per 1d are told already";
    let letters = [
        ("d1", letter("failed", &["e1"])),
        ("d2", letter("failed", &["e2"])),
        ("d3", letter("rest", &["e2"])),
    ];
    let held_back = [("d2", reason)];
    let good = figures(&rules, &events, &letters, &held_back);
    assert_eq!(good, ([2, 0, 1], [0, 0, 0]));
    assert_eq!(
        figures(&rules, &events, &letters[..2], &held_back).1,
        [1, 0, 0]
    );
    let too_many = figures(&rules, &events, &letters[..2], &[]);
    assert_eq!(too_many.1, [0, 1, 0], "both were let through");
    let wrong = figures(&rules, &events, &letters, &[("d2", "silence:s1")]);
    assert_eq!(
        wrong.1[1], 2,
        "no silence is about it, and it was told all the same"
    );
}

#[test]
fn what_is_silenced_is_told_to_nobody() {
    let rules = [json!({"name": "silenced", "match": {"status": "Failed"}, "notify": ["extra"]})];
    let mut roaming = event(1, "Failed");
    if let Some(current) = &mut roaming.current {
        current.detailed_status = Some("Roaming".to_owned());
    }
    let letters = [("d1", letter("silenced", &["e1"]))];
    let good = figures(
        &rules,
        &[roaming.clone()],
        &letters,
        &[("d1", "silence:s1")],
    );
    assert_eq!(good, ([0, 0, 1], [0, 0, 0]));
    assert_eq!(figures(&rules, &[roaming], &letters, &[]).1, [0, 1, 0]);
}

#[test]
fn a_rule_that_tells_of_a_message_once_leaves_later_events_to_those_below() {
    let mut once = failed();
    once["once_per"] = json!("message");
    let rules = [once, rest()];
    let events = [event(1, "Failed"), event(2, "Failed")];
    let letters = [
        ("d1", letter("failed", &["e1"])),
        ("d2", letter("rest", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &letters, &[]).1, [0, 0, 0]);
    let both = [
        ("d1", letter("failed", &["e1"])),
        ("d2", letter("failed", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &both, &[]).1, [1, 1, 0]);
}

#[test]
fn an_event_of_a_group_is_shown_or_counted() {
    let mut grouping = failed();
    grouping["group"] = json!({"by": "country", "max": 1});
    let group = BTreeMap::from([("country".to_owned(), String::new())]);
    let counted = |omitted| Letter {
        omitted,
        group: group.clone(),
        ..letter("failed", &["e1"])
    };
    let events = [event(1, "Failed"), event(2, "Failed")];
    let rules = [grouping];
    let of = |omitted| figures(&rules, &events, &[("d1", counted(omitted))], &[]);
    assert_eq!(of(1), ([1, 1, 0], [0, 0, 0]));
    assert_eq!(of(0).1, [1, 0, 0]);
    assert_eq!(of(2).1, [0, 1, 0]);
    let more = Letter {
        events: vec!["e1".to_owned(), "e2".to_owned()],
        ..counted(0)
    };
    assert_eq!(
        figures(&rules, &events, &[("d1", more)], &[]).1,
        [0, 1, 0],
        "one at most"
    );
}

#[test]
fn a_detail_that_comes_to_be_known_is_no_news_from_the_same_rule() {
    let rules = [failed(), rest()];
    let refined = Event {
        refined: true,
        refines: Some(EventId::new("e1").expect("an id")),
        ..event(2, "Failed")
    };
    let events = [event(1, "Failed"), refined];
    let letters = [
        ("d1", letter("failed", &["e1"])),
        ("d2", letter("rest", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &letters, &[]).1, [0, 0, 0]);
    let again = [
        ("d1", letter("failed", &["e1"])),
        ("d2", letter("failed", &["e2"])),
    ];
    assert_eq!(figures(&rules, &events, &again, &[]).1, [1, 1, 0]);
}
