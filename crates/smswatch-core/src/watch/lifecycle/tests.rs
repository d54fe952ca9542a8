//! Walks a watch through its life, one answer at a time.

mod contradictions;
mod failing;
mod names;
mod parts;
mod reports;
mod stuck;
mod told;

use smswatch_model::{PartReport, SmsId, Source, Tags, Word};

use super::*;
use crate::{Secret, settings::PrivacySettings};
use reports::{one_part, report};

const START: i64 = 1_777_636_800;

struct Walk {
    settings: WatchSettings,
    privacy: Privacy,
    watch: Watch,
    now: Timestamp,
    told: Vec<String>,
    stuck_after: Vec<crate::rules::StuckAfter>,
    stretch: u32,
}

impl Walk {
    fn new() -> Self {
        let now = Timestamp::from_seconds(START);
        Self {
            settings: WatchSettings::default(),
            privacy: Privacy::new(PrivacySettings::default(), &Secret::new("s")),
            watch: Watch::new(now, Tags::new()),
            now,
            told: Vec::new(),
            stuck_after: Vec::new(),
            stretch: 1,
        }
    }

    fn lifecycle(&self) -> Lifecycle<'_> {
        Lifecycle {
            settings: &self.settings,
            privacy: &self.privacy,
            provider: "routee",
            shards: 16,
            stuck_after: &self.stuck_after,
            stretch: self.stretch,
            sweep_every: Duration::ZERO,
            all_swept_every: Duration::ZERO,
        }
    }

    /// What an observation makes of the watch now.
    fn observes(&self, effect: Effect, observation: &Observation) -> Applied {
        let lifecycle = self.lifecycle();
        lifecycle.apply_seen(effect, &Self::id(), &self.watch, observation, self.now, 0.5)
    }

    fn id() -> MessageId {
        MessageId::new("m1").expect("a valid id")
    }

    /// Waits for the due time, then answers.
    fn answer(&mut self, answer: &Answer) -> &mut Self {
        self.now = self.now.max(self.watch.due);
        assert_eq!(
            self.lifecycle().task(&Self::id(), &self.watch, self.now),
            Task::Poll
        );
        let applied = self
            .lifecycle()
            .apply(&Self::id(), &self.watch, answer, self.now, 0.5);
        for event in &applied.events {
            let status = event.current.as_ref().map_or("", |current| &current.status);
            self.told
                .push(format!("{} {status}", event.kind).trim().to_owned());
        }
        assert!(applied.watch.due > self.now || applied.watch.state != WatchState::Watching);
        self.watch = applied.watch;
        self
    }

    fn sees(&mut self, parts: &[(&str, &str)], part_count: u32) -> &mut Self {
        let now = self.now.max(self.watch.due);
        let parts = parts.iter().map(|(id, status)| report(id, status, None));
        let facts = MessageFacts {
            part_count: Some(part_count),
            ..MessageFacts::default()
        };
        let observation = Observation {
            source: Source::Poll,
            observed_at: now,
            facts,
            parts: parts.collect(),
        };
        self.answer(&Answer::Seen(Box::new(observation)))
    }

    fn waits(&self) -> Duration {
        self.watch.due.since(self.now)
    }
}

fn assert_about(actual: Duration, seconds: u64) {
    let planned = Duration::from_secs(seconds);
    assert!(
        actual >= planned && actual <= planned.mul_f64(1.1),
        "{actual:?} is not {planned:?}"
    );
}

#[test]
fn polls_follow_the_schedule_until_the_message_is_final_and_one_more_confirms() {
    let mut walk = Walk::new();
    assert_eq!(walk.waits(), Duration::ZERO, "the first poll is immediate");
    for gap in [5, 10, 30, 60, 300, 900, 3600, 3600] {
        walk.sees(&[("p", "Sent")], 1);
        assert_about(walk.waits(), gap);
    }
    walk.sees(&[("p", "Delivered")], 1);
    assert_eq!(walk.watch.state, WatchState::Final);
    assert_about(walk.waits(), 3600);
    walk.sees(&[("p", "Delivered")], 1);
    assert!(walk.watch.is_confirmed);
    let retained = walk.watch.due.since(walk.watch.ended_at.expect("it ended"));
    assert_about(retained, 7 * 24 * 3600);
    assert_eq!(
        walk.lifecycle()
            .task(&Walk::id(), &walk.watch, walk.watch.due),
        Task::Delete
    );
    assert_eq!(
        walk.told,
        ["sms.status_changed Sent", "sms.status_changed Delivered"]
    );
}

#[test]
fn without_confirmation_a_final_message_is_never_looked_at_again() {
    let mut walk = Walk::new();
    walk.settings.confirm_after = Duration::ZERO;
    walk.sees(&[("p", "Failed")], 1);
    assert!(walk.watch.is_confirmed);
    assert!(matches!(
        walk.lifecycle().task(&Walk::id(), &walk.watch, walk.now),
        Task::Wait(_)
    ));
}

#[test]
fn a_final_status_that_flips_is_told_and_one_that_is_no_longer_final_is_followed_again() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Delivered")], 1)
        .sees(&[("p", "Undelivered")], 1);
    assert_eq!(walk.watch.state, WatchState::Final);
    assert_eq!(walk.told.len(), 2);
    let mut walk = Walk::new();
    walk.sees(&[("p", "Delivered")], 1)
        .sees(&[("p", "Buffered")], 1);
    assert_eq!(walk.watch.state, WatchState::Watching);
    assert_about(walk.waits(), 5);
}

#[test]
fn a_message_that_stays_unknown_is_told_once_its_grace_is_over() {
    let mut walk = Walk::new();
    while walk.watch.state == WatchState::Watching {
        assert!(walk.told.is_empty());
        walk.answer(&Answer::Unknown);
    }
    assert_about(walk.now.since(walk.watch.registered_at), 600);
    assert_eq!(walk.watch.state, WatchState::NotFound);
    assert_eq!(walk.told, ["sms.not_found"]);
}

#[test]
fn an_empty_answer_is_like_unknown_for_a_fresh_message_and_nothing_for_a_known_one() {
    let mut fresh = Walk::new();
    while fresh.watch.state == WatchState::Watching {
        fresh.answer(&Answer::Empty);
    }
    assert_eq!(fresh.told, ["sms.not_found"]);
    let mut known = Walk::new();
    known.sees(&[("p", "Sent")], 1).answer(&Answer::Empty);
    assert_eq!(known.watch.state, WatchState::Watching);
    assert_about(known.waits(), 10);
}

#[test]
fn a_known_message_that_is_answered_404_ends_only_once_that_has_lasted() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Sent")], 1);
    let known_until = walk.now;
    while walk.watch.state == WatchState::Watching {
        assert_eq!(walk.told, ["sms.status_changed Sent"]);
        walk.answer(&Answer::Unknown);
        let is_pace = walk.waits() <= Duration::from_secs(11);
        assert!(is_pace || walk.watch.state != WatchState::Watching);
        assert_eq!(walk.watch.snapshot.parts.len(), 1);
    }
    assert_eq!(walk.watch.state, WatchState::NotFound);
    // The first 404 came with the next poll, 5 s later.
    assert_about(walk.now.since(known_until), 605);
    assert_eq!(walk.told, ["sms.status_changed Sent", "sms.not_found"]);
    assert_eq!(walk.watch.snapshot.parts.len(), 1);
}

#[test]
fn one_404_after_a_long_time_and_404s_with_an_answer_between_end_nothing() {
    let mut walk = Walk::new();
    walk.settings.schedule = vec![Duration::from_secs(3600)];
    walk.sees(&[("p", "Sent")], 1);
    for _ in 0..5 {
        walk.answer(&Answer::Unknown);
        walk.answer(&Answer::Failed(Failure::default()));
        walk.sees(&[("p", "Sent")], 1);
        assert_eq!(walk.watch.state, WatchState::Watching);
        assert_eq!(walk.watch.trouble, None);
    }
    walk.settings.not_found_grace = Duration::ZERO;
    walk.answer(&Answer::Unknown);
    assert_eq!(
        walk.watch.state,
        WatchState::Watching,
        "one is never enough"
    );
    walk.answer(&Answer::Unknown);
    assert_eq!(walk.watch.state, WatchState::NotFound);
}

#[test]
fn a_400_ends_no_known_message_and_an_unknown_one_as_a_404_does() {
    let mut known = Walk::new();
    known.sees(&[("p", "Sent")], 1);
    for _ in 0..200 {
        known.answer(&Answer::Invalid(Whose::Provider));
    }
    assert_eq!(known.watch.state, WatchState::Watching);
    let trouble = known.watch.trouble.expect("it is told");
    assert_eq!((trouble.kind, trouble.polls), (TroubleKind::InvalidId, 200));
    let mut fresh = Walk::new();
    while fresh.watch.state == WatchState::Watching {
        fresh.answer(&Answer::Invalid(Whose::Provider));
    }
    assert_eq!(fresh.told, ["sms.not_found"]);
    assert_about(fresh.now.since(fresh.watch.registered_at), 600);
}

#[test]
fn a_final_message_that_is_answered_404_keeps_its_state_and_its_snapshot() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Delivered")], 1);
    while !walk.watch.is_confirmed {
        walk.answer(&Answer::Unknown);
        assert_eq!(walk.watch.state, WatchState::Final);
    }
    assert_eq!(walk.watch.snapshot.parts.len(), 1);
    assert_eq!(walk.told, ["sms.status_changed Delivered"]);
}

#[test]
fn a_message_that_was_given_up_begins_anew_and_tells_nothing_twice() {
    let mut walk = Walk::new();
    walk.settings.give_up_after = Duration::from_secs(60);
    while walk.watch.state == WatchState::Watching {
        walk.sees(&[("p", "Sent")], 1);
    }
    let given_up_at = walk.now;
    walk.now = walk.now + Duration::from_secs(600);
    walk.watch = walk.watch.clone().begun_anew(walk.now);
    assert_eq!(Lifecycle::priority(&walk.watch), WatchPriority::New);
    walk.sees(&[("p", "Sent")], 1);
    assert_eq!(walk.now, given_up_at + Duration::from_secs(600), "at once");
    walk.sees(&[("p", "Delivered")], 1);
    let expected = [
        "sms.status_changed Sent",
        "sms.gave_up",
        "sms.status_changed Delivered",
    ];
    assert_eq!(walk.told, expected);
    assert_eq!(walk.watch.sequence, 3);
}

#[test]
fn an_id_is_told_as_it_was_registered() {
    let mut walk = Walk::new();
    let spelled = MessageId::new("M1").expect("a valid id");
    walk.watch.spelling = crate::watch::Spelling::of(&spelled);
    let now = walk.now;
    let applied = |answer| {
        walk.lifecycle()
            .apply(&Walk::id(), &walk.watch, answer, now, 0.5)
    };
    let late = now + Duration::from_secs(700);
    let not_found = walk
        .lifecycle()
        .apply(&Walk::id(), &walk.watch, &Answer::Unknown, late, 0.5);
    let told = not_found.events[0].message.message_id.as_ref();
    assert_eq!(told.map(MessageId::as_str), Some("M1"));
    assert!(applied(&Answer::Unknown).events.is_empty());
}

#[test]
fn giving_up_is_decided_by_an_answer_after_the_deadline_and_not_by_silence() {
    let mut walk = Walk::new();
    walk.settings.give_up_after = Duration::from_secs(60);
    for _ in 0..20 {
        walk.answer(&Answer::Failed(Failure::default()));
    }
    assert_eq!(walk.watch.state, WatchState::Watching);
    walk.sees(&[("p", "Sent")], 1);
    assert_eq!(walk.watch.state, WatchState::GaveUp);
    assert_eq!(walk.told, ["sms.status_changed Sent", "sms.gave_up"]);
}

#[test]
fn a_deadline_before_the_next_poll_is_the_next_due_time() {
    let mut walk = Walk::new();
    walk.settings.give_up_after = Duration::from_secs(52);
    for _ in 0..4 {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_about(walk.watch.due.since(walk.watch.registered_at), 52);
}

#[test]
fn a_failed_poll_keeps_its_place_and_waits_as_long_as_it_is_told() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Sent")], 1);
    walk.answer(&Answer::Failed(Failure::default()));
    assert_about(walk.waits(), 10);
    let retry_after = Some(Duration::from_secs(120));
    let whose = Whose::Provider;
    walk.answer(&Answer::Failed(Failure { retry_after, whose }));
    assert_about(walk.waits(), 120);
    walk.sees(&[("p", "Sent")], 1);
    assert_about(walk.waits(), 10);
}

#[test]
fn two_parts_that_change_at_once_are_two_events_with_their_own_numbers() {
    let mut walk = Walk::new();
    walk.sees(&[("p1", "Sent"), ("p2", "Sent")], 2);
    walk.sees(&[("p1", "Delivered"), ("p2", "Undelivered")], 2);
    assert_eq!(walk.watch.sequence, 4);
    assert_eq!(walk.watch.state, WatchState::Final);
}

#[test]
fn only_young_watches_have_the_priority_of_new_ones() {
    let mut walk = Walk::new();
    assert_eq!(Lifecycle::priority(&walk.watch), WatchPriority::New);
    while walk.waits() < Duration::from_secs(300) {
        walk.sees(&[("p", "Sent")], 1);
    }
    assert_eq!(Lifecycle::priority(&walk.watch), WatchPriority::Rest);
}

#[test]
fn a_removed_watch_keeps_nothing_but_a_mark_until_its_retention_is_over() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Sent")], 1);
    let removed = walk.lifecycle().remove(&Walk::id(), &walk.watch, walk.now);
    assert!(removed.snapshot.parts.is_empty());
    assert_eq!(
        walk.lifecycle().task(&Walk::id(), &removed, removed.due),
        Task::Delete
    );
}

#[test]
fn what_was_removed_or_is_over_leaves_a_mark_for_an_hour_however_short_the_retention() {
    let mut walk = Walk::new();
    walk.settings.retention = Duration::from_secs(1);
    walk.settings.confirm_after = Duration::ZERO;
    walk.sees(&[("p", "Sent")], 1);
    let removed = walk.lifecycle().remove(&Walk::id(), &walk.watch, walk.now);
    assert!(removed.due >= walk.now + SHORTEST_MARK);
    let task = |watch: &Watch, now| walk.lifecycle().task(&Walk::id(), watch, now);
    assert!(matches!(
        task(&removed, walk.now + Duration::from_secs(3599)),
        Task::Wait(_)
    ));

    let mut over = Walk::new();
    over.settings = walk.settings.clone();
    over.sees(&[("p", "Delivered")], 1);
    assert_eq!(
        over.lifecycle()
            .task(&Walk::id(), &over.watch, over.watch.due),
        Task::Retire
    );
    let mark = over
        .lifecycle()
        .retire(&Walk::id(), &over.watch, over.watch.due);
    assert_eq!(mark.state, WatchState::Removed);
    assert!(matches!(task(&mark, over.watch.due), Task::Wait(_)));
    assert_eq!(task(&mark, mark.due), Task::Delete);
}

#[test]
fn a_confirmation_that_never_succeeds_keeps_no_watch_for_ever() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Delivered")], 1);
    let end = walk.watch.ended_at.expect("it ended") + walk.settings.retention;
    while walk.now.max(walk.watch.due) < end {
        walk.answer(&Answer::Failed(Failure::default()));
    }
    let task = walk
        .lifecycle()
        .task(&Walk::id(), &walk.watch, walk.watch.due);
    assert_eq!(task, Task::Delete);
}

#[test]
fn news_that_come_after_the_lease_was_lost_do_not_move_the_schedule() {
    let mut walk = Walk::new();
    walk.sees(&[("p", "Sent")], 1);
    let observation = Observation {
        source: Source::Poll,
        observed_at: walk.now,
        facts: MessageFacts::default(),
        parts: Vec::new(),
    };
    let later = walk.now + Duration::from_secs(50);
    let applied = walk.lifecycle().apply_seen(
        Effect::OnlyNews,
        &Walk::id(),
        &walk.watch,
        &observation,
        later,
        0.5,
    );
    assert_eq!(
        (applied.watch.due, applied.watch.step),
        (walk.watch.due, walk.watch.step)
    );
}
