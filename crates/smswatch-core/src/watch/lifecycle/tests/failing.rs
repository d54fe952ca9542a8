//! Polls of one message that bring nothing, while others are answered and while none is.

use super::*;

const GIVE_UP: Duration = Duration::from_secs(1800);

fn walk() -> Walk {
    let mut walk = Walk::new();
    walk.settings.give_up_after = GIVE_UP;
    walk
}

fn fails(whose: Whose) -> Failure {
    Failure {
        whose,
        retry_after: None,
    }
}

/// Every way in which a known message can be without news.
fn answers(whose: Whose) -> [Answer; 3] {
    let failure = fails(whose);
    [
        Answer::Failed(failure),
        Answer::Unreadable(failure),
        Answer::Invalid(whose),
    ]
}

#[test]
fn polls_that_bring_nothing_for_one_message_alone_end_in_giving_up_and_say_since_when() {
    for answer in answers(Whose::Message) {
        let mut walk = walk();
        walk.sees(&[("p", "Sent")], 1);
        let known = walk.watch.snapshot.clone();
        let since = walk.watch.due;
        while walk.watch.state == WatchState::Watching {
            assert_eq!(walk.told.len(), 1);
            walk.answer(&answer);
        }
        assert_about(walk.now.since(walk.watch.registered_at), GIVE_UP.as_secs());
        assert_eq!(walk.watch.state, WatchState::GaveUp);
        assert_eq!(walk.told, ["sms.status_changed Sent", "sms.gave_up"]);
        assert_eq!(walk.watch.snapshot, known, "what is known stays");
        assert_eq!(walk.watch.trouble.expect("it is told").since, since);
    }
}

#[test]
fn a_message_of_which_nothing_was_ever_known_is_given_up_as_well() {
    for answer in &answers(Whose::Message)[..2] {
        let mut walk = walk();
        while walk.watch.state == WatchState::Watching {
            walk.answer(answer);
        }
        assert_about(walk.now.since(walk.watch.registered_at), GIVE_UP.as_secs());
        assert_eq!(walk.told, ["sms.gave_up"]);
        let trouble = walk.watch.trouble.expect("it is told");
        assert_eq!(trouble.since, Timestamp::from_seconds(START));
    }
}

#[test]
fn what_is_the_providers_trouble_ends_no_watch_and_the_next_answer_decides() {
    for answer in answers(Whose::Provider) {
        let mut walk = walk();
        walk.sees(&[("p", "Sent")], 1);
        while walk.now.since(walk.watch.registered_at) < 3 * GIVE_UP {
            walk.answer(&answer);
        }
        assert_eq!(walk.watch.state, WatchState::Watching);
        assert_eq!(walk.told, ["sms.status_changed Sent"]);
        walk.sees(&[("p", "Sent")], 1);
        assert_eq!(walk.told, ["sms.status_changed Sent", "sms.gave_up"]);
    }
}

#[test]
fn one_poll_in_vain_after_the_deadline_ends_nothing() {
    let mut walk = walk();
    while walk.watch.due.since(walk.watch.registered_at) < GIVE_UP {
        walk.sees(&[("p", "Sent")], 1);
    }
    walk.answer(&Answer::Failed(fails(Whose::Message)));
    assert_eq!(walk.watch.state, WatchState::Watching);
    walk.sees(&[("p", "Delivered")], 1);
    assert_eq!(walk.watch.state, WatchState::Final);
}

#[test]
fn polls_that_are_in_vain_now_in_this_way_and_now_in_that_end_as_well() {
    let answers = answers(Whose::Message);
    let mut kinds = answers.iter().cycle();
    let mut walk = walk();
    walk.sees(&[("p", "Sent")], 1);
    walk.answer(&Answer::Unknown);
    while walk.watch.state == WatchState::Watching {
        walk.answer(kinds.next().expect("without end"));
    }
    assert_eq!(walk.told, ["sms.status_changed Sent", "sms.gave_up"]);
    let mut walk = self::walk();
    walk.sees(&[("p", "Sent")], 1);
    for answer in &answers {
        walk.answer(answer);
    }
    let trouble = walk.watch.trouble.expect("it is told");
    assert_eq!((trouble.kind, trouble.polls), (TroubleKind::InvalidId, 3));
}

#[test]
fn no_deadline_has_the_provider_asked_before_it_wants_to_be() {
    let mut walk = walk();
    walk.sees(&[("p", "Sent")], 1);
    walk.now = walk.watch.registered_at + GIVE_UP - Duration::from_secs(10);
    let retry_after = Some(Duration::from_secs(120));
    for answer in [Answer::Failed, Answer::Unreadable] {
        let whose = Whose::Message;
        walk.answer(&answer(Failure { retry_after, whose }));
        assert!(walk.waits() >= Duration::from_secs(120));
        walk.watch.due = walk.now;
    }
}
