//! Names of events: what is found again has the name that it had, and what is news has one of its own.

use smswatch_model::{EventId, PartReport, Word};

use super::*;

/// What a poll sees so many seconds after the start: part, status, detail, and the status's date.
type Seen<'a> = (i64, &'a [(&'a str, &'a str, Option<&'a str>, i64)]);

fn observation((at, parts): Seen<'_>) -> Observation {
    let parts = parts.iter().map(|(id, status, detail, date)| PartReport {
        detailed_status: detail.map(Word::new),
        ..report(id, status, Some(Timestamp::from_seconds(START + date)))
    });
    Observation {
        source: Source::Poll,
        observed_at: Timestamp::from_seconds(START + at),
        facts: MessageFacts::default(),
        parts: parts.collect(),
    }
}

/// The events of a message of this id to which all that happens; the watch is stored in between.
fn events(id: &str, story: &[Seen<'_>]) -> Vec<Event> {
    let walk = Walk::new();
    let id = MessageId::new(id).expect("a valid id");
    let mut watch = walk.watch.clone();
    let mut events = Vec::new();
    for seen in story {
        let answer = Answer::Seen(Box::new(observation(*seen)));
        let now = Timestamp::from_seconds(START + seen.0);
        let applied = walk.lifecycle().apply(&id, &watch, &answer, now, 0.5);
        events.extend(applied.events);
        watch = Watch::decode(&applied.watch.encode()).expect("just written");
    }
    events
}

fn names(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.event_id.clone()).collect()
}

#[test]
fn a_status_that_comes_back_with_its_old_date_is_news_of_its_own() {
    let undelivered = [("p", "Undelivered", None, -5)];
    let delivered = [("p", "Delivered", None, -5)];
    let events = events(
        "m1",
        &[
            (0, &undelivered),
            (10, &delivered),
            (80, &delivered),
            (90, &undelivered),
        ],
    );
    let told: Vec<_> = events
        .iter()
        .map(|event| event.current.as_ref().expect("a status").status.as_str())
        .collect();
    assert_eq!(told, ["Undelivered", "Delivered", "Undelivered"]);
    assert!(events[1].regression && events[2].regression);
    let names = names(&events);
    assert_ne!(names[0], names[2]);
}

#[test]
fn a_refined_event_names_the_one_that_told_its_status_also_when_the_date_has_moved_on_since() {
    for dates in [[-5, -5, -5], [-5, -3, -3], [-5, -3, -4], [-5, 4, -9]] {
        let [first, second, third] = dates;
        let events = events(
            "m1",
            &[
                (0, &[("p", "Undelivered", None, first)]),
                (5, &[("p", "Undelivered", None, second)]),
                (9, &[("p", "Undelivered", Some("Carrier Violation"), third)]),
            ],
        );
        assert_eq!(events.len(), 2, "{dates:?}");
        assert!(events[1].refined, "{dates:?}");
        assert_eq!(
            events[1].refined_event().as_ref(),
            Some(&events[0].event_id),
            "{dates:?}"
        );
        assert_eq!(events[0].refined_event(), None);
    }
}

#[test]
fn a_refined_event_of_a_status_that_came_back_names_the_one_that_told_it_last() {
    let undelivered = |detail| [("p", "Undelivered", detail, -5)];
    let delivered = [("p", "Delivered", None, -5)];
    let events = events(
        "m1",
        &[
            (0, &undelivered(None)),
            (10, &delivered),
            (80, &delivered),
            (90, &undelivered(None)),
            (95, &undelivered(Some("Expired"))),
        ],
    );
    assert_eq!(
        events[3].refined_event().as_ref(),
        Some(&events[2].event_id)
    );
}

#[test]
fn what_is_found_again_in_other_company_has_the_names_that_it_had() {
    let (first, second) = (
        ("a", "Undelivered", Some("Expired"), -5),
        ("b", "Failed", None, -4),
    );
    let one_by_one = events("m1", &[(0, &[first]), (5, &[first, second])]);
    let together = events("m1", &[(60, &[first, second])]);
    assert_eq!(names(&one_by_one), names(&together));
}

#[test]
fn the_case_in_which_ids_are_spelled_makes_no_other_name() {
    let seen = |id| {
        let lower: Seen<'_> = (0, &[("part-a", "Undelivered", None, -5)]);
        let upper: Seen<'_> = (0, &[("PART-A", "UNDELIVERED", None, -5)]);
        [names(&events(id, &[lower])), names(&events(id, &[upper]))]
    };
    let [a, b] = seen("m-1");
    let [c, d] = seen("M-1");
    assert!(a == b && b == c && c == d);
    let id = |text| MessageId::new(text).expect("an id");
    let deadline = Timestamp::from_seconds(START);
    let name = |text| smswatch_model::deadline_event_id(&id(text), EventKind::GaveUp, deadline);
    assert_eq!(name("m-1"), name("M-1"));
}
