//! What a sweep or a callback finds of unregistered messages.

use super::*;

/// An observation of a message with one part, whose status has this age.
fn found(now: Timestamp, age: Duration) -> Observation {
    let date = Timestamp::from_seconds(now.as_seconds() - age.as_secs() as i64);
    one_part(Source::Sweep, now, "Undelivered", date)
}

#[test]
fn a_status_that_was_old_when_its_message_was_found_is_recorded_and_not_told() {
    let walk = Walk::new();
    for (age, is_backfill) in [(14 * 60, false), (16 * 60, true)] {
        let observation = found(walk.now, Duration::from_secs(age));
        let applied = walk.observes(Effect::Begins(None), &observation);
        let marks: Vec<_> = applied.events.iter().map(|event| event.backfill).collect();
        assert_eq!(marks, [is_backfill], "{age} s");
        assert_eq!(applied.watch.snapshot.parts.len(), 1);
    }
}

#[test]
fn a_status_that_came_about_after_all_was_known_is_told_however_old_it_is() {
    let walk = Walk::new();
    for (known_before, is_backfill) in [(4 * 3_600, false), (2 * 3_600, true)] {
        let observation = found(walk.now, Duration::from_secs(3 * 3_600));
        let known_until = walk.now - Duration::from_secs(known_before);
        let applied = walk.observes(Effect::Begins(Some(known_until)), &observation);
        let marks: Vec<_> = applied.events.iter().map(|event| event.backfill).collect();
        assert_eq!(marks, [is_backfill], "{known_before} s");
    }
}

#[test]
fn what_was_recorded_when_its_message_was_found_is_told_once_its_message_is_registered() {
    let walk = Walk::new();
    let observation = found(walk.now, Duration::from_secs(86_400));
    let lifecycle = walk.lifecycle();
    let recorded = walk.observes(Effect::Begins(None), &observation);
    let told_by = |watch: &Watch| {
        let answer = Answer::Seen(Box::new(observation.clone()));
        lifecycle.apply(&Walk::id(), watch, &answer, walk.now, 0.5)
    };
    assert_eq!(
        told_by(&recorded.watch).events,
        [],
        "nobody has asked for it"
    );

    let told = told_by(&recorded.watch.clone().wanted());
    let [event] = told.events.as_slice() else {
        panic!("{:?}", told.events);
    };
    assert_eq!(event.event_id, recorded.events[0].event_id);
    assert_eq!((event.previous.is_none(), event.sequence), (true, 2));
    assert!(event.recorded && !event.backfill);
    assert_eq!(
        told_by(&told.watch.clone().wanted()).events,
        [],
        "it is told"
    );

    // A change tells more than what was recorded.
    let mut later = observation.clone();
    later.parts[0].status = Word::new("Delivered");
    later.parts[0].date = Some(walk.now);
    let answer = Answer::Seen(Box::new(later));
    let watch = recorded.watch.wanted();
    let changed = lifecycle.apply(&Walk::id(), &watch, &answer, walk.now, 0.5);
    let [event] = changed.events.as_slice() else {
        panic!("{:?}", changed.events);
    };
    assert!(event.previous.is_some() && !event.recorded);
}

#[test]
fn of_several_parts_only_those_are_told_later_of_which_nobody_was_told() {
    let walk = Walk::new();
    let mut observation = found(walk.now, Duration::from_secs(86_400));
    let mut recent = observation.parts[0].clone();
    recent.sms_id = SmsId::new("q").expect("a valid id");
    recent.date = Some(walk.now);
    observation.parts.push(recent);
    observation.facts.part_count = Some(2);
    let lifecycle = walk.lifecycle();
    let recorded = walk.observes(Effect::Begins(None), &observation);
    let marks: Vec<_> = recorded.events.iter().map(|event| event.backfill).collect();
    assert_eq!(marks, [true, false]);
    let stored = Watch::decode(&recorded.watch.wanted().encode()).expect("it is readable");
    let answer = Answer::Seen(Box::new(observation));
    let told = lifecycle.apply(&Walk::id(), &stored, &answer, walk.now, 0.5);
    let told: Vec<_> = told
        .events
        .iter()
        .map(|event| event.part.sms_id.clone())
        .collect();
    assert_eq!(told, [SmsId::new("p").ok()]);
}

#[test]
fn what_was_registered_is_told_however_old_it_is() {
    let walk = Walk::new();
    let answer = Answer::Seen(Box::new(found(walk.now, Duration::from_secs(86_400))));
    let lifecycle = walk.lifecycle();
    let applied = lifecycle.apply(&Walk::id(), &walk.watch, &answer, walk.now, 0.5);
    assert!(applied.events.iter().all(|event| !event.backfill));
    assert!(applied.events.iter().any(|event| event.late));
}

#[test]
fn a_failure_that_a_callback_does_not_explain_is_polled_once_more_and_any_other_end_of_callbacks_is_not()
 {
    for (status, detail, is_confirmed) in [
        ("Undelivered", None, false),
        ("Undelivered", Some("undelivered"), false),
        ("Undelivered", Some("Carrier Violation"), true),
        ("Delivered", None, true),
    ] {
        let walk = Walk {
            stretch: 12,
            ..Walk::new()
        };
        let mut observation = found(walk.now, Duration::ZERO);
        observation.source = Source::Callback;
        observation.parts[0].status = Word::new(status);
        observation.parts[0].detailed_status = detail.map(Word::new);
        let ended = walk.observes(Effect::Continues, &observation);
        assert_eq!(ended.watch.state, WatchState::Final);
        assert_eq!(
            ended.watch.is_confirmed, is_confirmed,
            "{status} {detail:?}"
        );
        let waits = ended.watch.due.since(walk.now);
        let planned = if is_confirmed {
            walk.settings.retention
        } else {
            walk.settings.confirm_after
        };
        assert_about(waits, planned.as_secs());
    }
}

#[test]
fn an_answer_that_comes_after_another_process_saw_the_end_leaves_the_look_after_it_to_come() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Delivered")], 1);
    assert!(!walk.watch.is_confirmed);
    let late = Observation {
        source: Source::Poll,
        observed_at: walk.now,
        facts: MessageFacts::default(),
        parts: vec![report("p", "Delivered", None)],
    };
    let applied = walk.observes(Effect::OnlyNews, &late);
    assert_eq!((applied.watch, applied.events), (walk.watch, Vec::new()));
}
