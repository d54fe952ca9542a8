//! Holds [`diff`] to its promises: by example where a promise has a name, by property where it has none.

use std::sync::LazyLock;
use std::time::Duration;

mod details;
mod names;

use proptest::prelude::*;

use super::*;
use crate::MessageFacts;

const NOON: i64 = 1_777_636_800;

fn report(sms_id: &str, status: &str, detail: Option<&str>, date: Option<i64>) -> PartReport {
    PartReport {
        sms_id: SmsId::new(sms_id).expect("a valid id"),
        number: Some(1),
        status: Word::new(status),
        detailed_status: detail.map(Word::new),
        description: None,
        date: date.map(Timestamp::from_seconds),
        price: None,
        latency: None,
    }
}

fn observed(source: Source, at: i64, parts: Vec<PartReport>) -> Observation {
    let facts = MessageFacts {
        part_count: Some(1),
        ..MessageFacts::default()
    };
    Observation {
        source,
        observed_at: Timestamp::from_seconds(at),
        facts,
        parts,
    }
}

fn poll(at: i64, status: &str, detail: Option<&str>, date: i64) -> Observation {
    observed(
        Source::Poll,
        at,
        vec![report("p1", status, detail, Some(date))],
    )
}

fn run(observations: &[Observation]) -> (Snapshot, Vec<Change>) {
    let mut snapshot = Snapshot::default();
    let mut changes = Vec::new();
    for observation in observations {
        let diff = diff(&snapshot, observation);
        snapshot = diff.snapshot;
        changes.extend(diff.changes);
    }
    (snapshot, changes)
}

fn told(changes: &[Change]) -> Vec<String> {
    let word = |status: &StatusAt| match &status.detailed_status {
        Some(detail) => format!("{}/{detail}", status.status),
        None => status.status.to_string(),
    };
    changes
        .iter()
        .map(|change| {
            let previous = change.previous.as_ref().map_or("-".to_owned(), word);
            let marks = [
                (change.regression, " regression"),
                (change.refined, " refined"),
            ];
            let marks: String = marks
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, mark)| *mark)
                .collect();
            format!("{previous} > {}{marks}", word(&change.current))
        })
        .collect()
}

#[test]
fn first_sight_is_a_change_from_nothing() {
    let (_, changes) = run(&[poll(NOON, "Undelivered", Some("Expired"), NOON - 9)]);
    assert_eq!(told(&changes), ["- > Undelivered/Expired"]);
}

#[test]
fn the_same_status_again_is_no_change_even_with_a_newer_date_or_another_spelling() {
    let (snapshot, changes) = run(&[
        poll(NOON, "Sent", None, NOON),
        poll(NOON + 5, "Sent", Some("Sent"), NOON + 3),
        poll(NOON + 9, "SENT", None, NOON + 7),
    ]);
    assert_eq!(told(&changes), ["- > Sent"]);
    assert_eq!(snapshot.parts[0].date, NOON + 7);
    assert_eq!(snapshot.parts[0].status.as_str(), "SENT");
}

#[test]
fn an_older_observation_is_stale_and_changes_nothing() {
    let (snapshot, _) = run(&[poll(NOON, "Delivered", None, NOON)]);
    let late = observed(
        Source::Callback,
        NOON + 1,
        vec![report("p1", "Sent", None, Some(NOON - 4))],
    );
    let diff = diff(&snapshot, &late);
    assert_eq!(
        (diff.snapshot, diff.changes.len(), diff.stale),
        (snapshot, 0, 1)
    );
}

#[test]
fn within_a_second_the_later_stage_of_life_wins() {
    let (_, changes) = run(&[
        poll(NOON, "Delivered", None, NOON),
        poll(NOON + 1, "Sent", None, NOON),
        poll(NOON + 2, "Undelivered", None, NOON),
    ]);
    assert_eq!(
        told(&changes),
        ["- > Delivered", "Delivered > Undelivered regression"]
    );
}

#[test]
fn a_date_far_ahead_is_taken_back_to_the_observation() {
    let clamped = diff(&Snapshot::default(), &poll(NOON, "Sent", None, NOON + 61));
    assert_eq!((clamped.snapshot.parts[0].date, clamped.clamped), (NOON, 1));
    let kept = diff(&Snapshot::default(), &poll(NOON, "Sent", None, NOON + 60));
    assert_eq!((kept.snapshot.parts[0].date, kept.clamped), (NOON + 60, 0));
}

#[test]
fn a_missing_date_is_the_moment_of_the_observation() {
    let undated = observed(Source::Poll, NOON, vec![report("p1", "Sent", None, None)]);
    assert_eq!(
        diff(&Snapshot::default(), &undated).snapshot.parts[0].date,
        NOON
    );
}

#[test]
fn a_detail_fills_an_empty_one_whatever_the_dates_and_an_empty_one_takes_nothing_away() {
    let (_, changes) = run(&[
        observed(
            Source::Callback,
            NOON,
            vec![report("p1", "Undelivered", None, Some(NOON))],
        ),
        poll(NOON + 5, "Undelivered", Some("Carrier Violation"), NOON - 1),
        poll(NOON + 9, "Undelivered", Some("Undelivered"), NOON + 9),
    ]);
    let expected = [
        "- > Undelivered",
        "Undelivered > Undelivered/Carrier Violation refined",
    ];
    assert_eq!(told(&changes), expected);
}

#[test]
fn two_polls_a_minute_apart_overrule_the_order_and_one_alone_does_not() {
    let first = [
        poll(NOON, "Delivered", None, NOON),
        poll(NOON + 10, "Undelivered", None, NOON - 5),
    ];
    let (snapshot, changes) = run(&first);
    assert_eq!(told(&changes), ["- > Delivered"]);
    assert!(snapshot.has_candidate());

    let too_soon = diff(&snapshot, &poll(NOON + 69, "Undelivered", None, NOON - 5));
    assert!(too_soon.changes.is_empty());
    let agreed = diff(
        &too_soon.snapshot,
        &poll(NOON + 70, "Undelivered", None, NOON - 5),
    );
    assert_eq!(
        told(&agreed.changes),
        ["Delivered > Undelivered regression"]
    );
    assert!(!agreed.snapshot.has_candidate());
}

#[test]
fn what_polls_overrule_is_counted_with_the_part() {
    let (snapshot, changes) = run(&[
        poll(NOON, "Undelivered", None, NOON - 5),
        poll(NOON + 10, "Delivered", None, NOON - 5),
        poll(NOON + 80, "Delivered", None, NOON - 5),
        poll(NOON + 90, "Undelivered", None, NOON - 5),
    ]);
    let counts: Vec<u32> = changes.iter().map(|change| change.regressions).collect();
    assert_eq!(counts, [0, 1, 1]);
    assert_eq!(snapshot.parts[0].regressions, 1);
}

#[test]
fn a_poll_that_agrees_with_the_snapshot_forgets_the_contradiction() {
    let (snapshot, changes) = run(&[
        poll(NOON, "Delivered", None, NOON),
        poll(NOON + 10, "Undelivered", None, NOON - 5),
        poll(NOON + 20, "Delivered", None, NOON),
        poll(NOON + 90, "Undelivered", None, NOON - 5),
    ]);
    assert_eq!(told(&changes), ["- > Delivered"]);
    assert_eq!(
        snapshot.parts[0]
            .candidate
            .as_ref()
            .map(|candidate| candidate.since),
        Some(Timestamp::from_seconds(NOON + 90))
    );
}

#[test]
fn an_unknown_word_is_kept_and_not_final() {
    let (snapshot, changes) = run(&[poll(NOON, "Buffered", Some("At The Gate"), NOON)]);
    assert_eq!(told(&changes), ["- > Buffered/At The Gate"]);
    assert!(!snapshot.known_parts_are_final());
}

#[test]
fn a_part_that_is_not_mentioned_is_unchanged_and_counts_in_the_outcome() {
    let mut both = observed(
        Source::Poll,
        NOON,
        vec![
            report("p1", "Delivered", None, Some(NOON)),
            report("p2", "Sent", None, Some(NOON)),
        ],
    );
    both.facts.part_count = Some(3);
    let (snapshot, _) = run(&[both]);
    let one = observed(
        Source::Callback,
        NOON + 3,
        vec![report("p2", "Failed", None, Some(NOON + 2))],
    );
    let diff = diff(&snapshot, &one);
    assert_eq!(told(&diff.changes), ["Sent > Failed"]);
    assert_eq!(
        diff.snapshot.outcome(),
        crate::Outcome::Pending,
        "a third part is missing"
    );
    assert!(diff.snapshot.known_parts_are_final());
}

/// Statuses that are documented, one that is not, and one in another spelling.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let documented = Word::statuses()[..6].iter().copied();
    documented.chain(["Buffered", "sent"]).collect()
});

const DETAILS: [Option<&str>; 5] = [
    None,
    Some("Carrier Violation"),
    Some("Expired"),
    Some("Undelivered"),
    Some("Odd"),
];

prop_compose! {
    /// Observations whose contradictions never come from polls: those may overrule the order.
    fn observation()(
        reports in prop::collection::vec(
            (0..3_usize, 0..WORDS.len(), 0..DETAILS.len(), prop::option::of(-20..200_i64)), 1..4),
        at in 0..100_i64,
        source in prop::sample::select(vec![Source::Sweep, Source::Callback]),
    ) -> Observation {
        let parts = reports.into_iter().map(|(part, word, detail, date)| report(
            ["p1", "p2", "p3"][part], WORDS[word], DETAILS[detail], date.map(|date| NOON + date)));
        observed(source, NOON + at, parts.collect())
    }
}

fn of_part<'a>(changes: &'a [Change], sms_id: &'a str) -> impl Iterator<Item = &'a Change> {
    changes
        .iter()
        .filter(move |change| change.sms_id.as_str() == sms_id)
}

proptest! {
    #[test]
    fn any_order_of_the_same_observations_ends_in_the_same_snapshot(
        (in_order, shuffled) in prop::collection::vec(observation(), 0..12)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        prop_assert_eq!(run(&in_order).0, run(&shuffled).0);
    }

    #[test]
    fn the_changes_of_a_part_are_a_chain_that_ends_in_its_status(
        observations in prop::collection::vec(observation(), 0..12),
    ) {
        let (snapshot, changes) = run(&observations);
        for part in &snapshot.parts {
            let chain: Vec<_> = of_part(&changes, part.sms_id.as_str()).collect();
            prop_assert!(chain[0].previous.is_none());
            for pair in chain.windows(2) {
                let previous = pair[1].previous.as_ref().expect("only the first has none");
                prop_assert_eq!(&previous.status, &pair[0].current.status);
                prop_assert_eq!(&previous.detailed_status, &pair[0].current.detailed_status);
            }
            let last = &chain[chain.len() - 1].current;
            prop_assert_eq!(&last.status, &part.status);
            prop_assert_eq!(last.detailed_status.as_ref(), part.detailed_status());
        }
    }

    #[test]
    fn the_changes_of_any_order_are_a_subset_of_the_run_in_order(
        (mut in_order, shuffled) in prop::collection::vec(observation(), 0..12)
            .prop_map(one_report_each)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        in_order.sort_by(|a, b| {
            let key = |o: &Observation| (dated(o.parts[0].date, o.observed_at).0, o.parts[0].status.rank());
            key(a).cmp(&key(b)).then_with(|| a.parts[0].status.compare(&b.parts[0].status))
        });
        let (_, all) = run(&in_order);
        let (_, some) = run(&shuffled);
        for sms_id in ["p1", "p2", "p3"] {
            let mut in_order = of_part(&all, sms_id).map(|change| &change.current.status);
            for status in of_part(&some, sms_id).filter(|change| !change.refined && is_new_status(change)) {
                prop_assert!(
                    in_order.any(|other| *other == status.current.status),
                    "{} is out of order", status.current.status
                );
            }
        }
    }

    #[test]
    fn polls_never_repeat_a_status_that_is_known(
        statuses in prop::collection::vec((0..WORDS.len(), -300..300_i64), 1..20),
    ) {
        let polls: Vec<_> = statuses.iter().enumerate().map(|(position, (word, date))| {
            let at = NOON + i64::try_from(position).expect("few") * 45;
            poll(at, WORDS[*word], None, NOON + date)
        }).collect();
        let (_, changes) = run(&polls);
        for change in &changes {
            let before = change.previous.as_ref().map(|previous| &previous.status);
            prop_assert_ne!(before, Some(&change.current.status));
        }
    }
}

proptest! {
    #[test]
    fn no_two_changes_have_one_name(
        // A detail that comes, or does not.
        seen in prop::collection::vec((0..WORDS.len(), 0..2_usize, -20..20_i64), 1..40),
    ) {
        let message = crate::MessageId::new("m1").expect("a valid id");
        let polls: Vec<_> = seen.iter().enumerate().map(|(position, (word, detail, date))| {
            let at = NOON + i64::try_from(position).expect("few") * 45;
            poll(at, WORDS[*word], DETAILS[*detail], NOON + date)
        }).collect();
        let (_, changes) = run(&polls);
        let names: std::collections::HashSet<_> = changes.iter().map(|change| {
            crate::change_event_id(&message, &change.sms_id, &change.current, change.regressions)
        }).collect();
        prop_assert_eq!(names.len(), changes.len(), "{:?}", told(&changes));
    }
}

fn one_report_each(observations: Vec<Observation>) -> Vec<Observation> {
    observations
        .into_iter()
        .flat_map(|observation| {
            let parts = observation.parts.clone();
            parts.into_iter().map(move |part| Observation {
                parts: vec![part],
                ..observation.clone()
            })
        })
        .collect()
}

fn is_new_status(change: &Change) -> bool {
    change
        .previous
        .as_ref()
        .is_none_or(|previous| previous.status != change.current.status)
}

#[test]
fn the_gap_that_makes_polls_agree_is_a_minute() {
    assert_eq!(AGREEMENT_GAP, Duration::from_secs(60));
}
