//! A detail that the provider corrects is told, although neither date nor word orders it behind the other.

use super::*;

fn names(changes: &[Change]) -> std::collections::BTreeSet<crate::EventId> {
    let message = crate::MessageId::new("m1").expect("a valid id");
    let name = |change: &Change| {
        crate::change_event_id(
            &message,
            &change.sms_id,
            &change.current,
            change.regressions,
        )
    };
    changes.iter().map(name).collect()
}

#[test]
fn a_corrected_detail_is_told_when_polls_keep_telling_it() {
    for (was, date) in [
        ("Unknown Status", NOON),
        ("Roaming", NOON),
        ("Expired", NOON - 5),
    ] {
        let corrected = |at| poll(NOON + at, "Undelivered", Some("Carrier Violation"), date);
        let (snapshot, changes) = run(&[
            poll(NOON, "Undelivered", Some(was), NOON),
            corrected(10),
            corrected(69),
        ]);
        assert_eq!(changes.len(), 1, "one poll alone may be an older answer");
        assert!(snapshot.has_candidate());
        let agreed = diff(&snapshot, &corrected(70));
        let expected = format!("Undelivered/{was} > Undelivered/Carrier Violation regression");
        assert_eq!(told(&agreed.changes), [expected]);
        assert!(!agreed.snapshot.has_candidate());
        let again = diff(&agreed.snapshot, &corrected(200));
        assert!(again.changes.is_empty() && !again.snapshot.has_candidate());
    }
}

#[test]
fn a_detail_that_comes_back_is_news_of_its_own() {
    let told_at = |at, detail| poll(NOON + at, "Undelivered", Some(detail), NOON);
    let (_, changes) = run(&[
        told_at(0, "Expired"),
        told_at(10, "Carrier Violation"),
        told_at(80, "Carrier Violation"),
        told_at(90, "Expired"),
        told_at(100, "Carrier Violation"),
        told_at(170, "Carrier Violation"),
    ]);
    assert_eq!(changes.len(), 4, "{:?}", told(&changes));
    assert_eq!(names(&changes).len(), changes.len());
}

#[test]
fn callbacks_and_single_polls_overrule_no_detail() {
    let other = |source, at| {
        let report = report("p1", "Undelivered", Some("Carrier Violation"), Some(NOON));
        observed(source, NOON + at, vec![report])
    };
    let (_, changes) = run(&[
        poll(NOON, "Undelivered", Some("Expired"), NOON),
        other(Source::Callback, 10),
        other(Source::Callback, 100),
        other(Source::Poll, 110),
        poll(NOON + 150, "Undelivered", Some("Expired"), NOON),
        other(Source::Poll, 190),
        poll(NOON + 250, "Undelivered", None, NOON),
    ]);
    assert_eq!(told(&changes), ["- > Undelivered/Expired"]);
}
