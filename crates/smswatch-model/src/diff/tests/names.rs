//! Parts whose names differ in case, come late, or never come.

use super::*;

fn numbered(sms_id: &str, number: Option<u32>, status: &str) -> PartReport {
    PartReport {
        number,
        ..report(sms_id, status, None, Some(NOON))
    }
}

#[test]
fn a_part_is_the_same_whatever_case_its_name_has() {
    let (snapshot, changes) = run(&[
        observed(
            Source::Poll,
            NOON,
            vec![report("AB-1", "Sent", None, Some(NOON))],
        ),
        observed(
            Source::Callback,
            NOON + 5,
            vec![report("ab-1", "Failed", None, Some(NOON + 5))],
        ),
    ]);
    assert_eq!(told(&changes), ["- > Sent", "Sent > Failed"]);
    assert_eq!(snapshot.parts.len(), 1);
}

#[test]
fn a_part_that_gets_its_name_late_is_one_part_with_one_chain_of_changes() {
    for (first, second) in [
        (
            numbered("m:1", None, "Sent"),
            numbered("real", Some(1), "Delivered"),
        ),
        (
            numbered("m:1", Some(1), "Sent"),
            numbered("real", Some(1), "Delivered"),
        ),
        (
            numbered("m:1", None, "Sent"),
            numbered("real", None, "Delivered"),
        ),
        (
            numbered("real", Some(1), "Sent"),
            numbered("m:1", None, "Delivered"),
        ),
        (
            numbered("real", None, "Sent"),
            numbered("m:1", Some(1), "Delivered"),
        ),
    ] {
        let (snapshot, changes) = run(&[
            observed(Source::Poll, NOON, vec![first]),
            observed(Source::Poll, NOON + 5, vec![second]),
        ]);
        assert_eq!(told(&changes), ["- > Sent", "Sent > Delivered"]);
        assert_eq!(snapshot.parts.len(), 1);
        assert_eq!(snapshot.parts[0].sms_id.as_str(), "real");
    }
}

#[test]
fn parts_without_names_and_numbers_take_the_names_that_fit_their_statuses() {
    let (snapshot, changes) = run(&[
        observed(
            Source::Poll,
            NOON,
            vec![
                numbered("m:1", None, "Sent"),
                numbered("m:2", None, "Failed"),
            ],
        ),
        observed(
            Source::Poll,
            NOON + 5,
            vec![numbered("a", None, "Failed"), numbered("b", None, "Sent")],
        ),
    ]);
    assert_eq!(changes.len(), 2);
    assert_eq!(snapshot.parts.len(), 2);
}

#[test]
fn parts_of_one_message_are_bounded_and_what_is_left_out_is_counted() {
    let reports = (0..300).map(|n| numbered(&format!("p{n}"), Some(n + 1), "Sent"));
    let diff = diff(
        &Snapshot::default(),
        &observed(Source::Poll, NOON, reports.collect()),
    );
    assert_eq!((diff.snapshot.parts.len(), diff.left_out), (255, 45));
    assert_eq!(diff.changes.len(), 255);
}

proptest! {
    #[test]
    fn names_that_come_late_end_in_the_same_parts_in_any_order(
        (in_order, shuffled) in prop::collection::vec((0..3_u32, any::<bool>(), 0..WORDS.len(), 0..60_i64), 1..12)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let run = |reports: Vec<(u32, bool, usize, i64)>| {
            let observations: Vec<_> = reports.into_iter().map(|(part, is_named, word, date)| {
                let id = if is_named { format!("p{part}") } else { format!("m:{}", part + 1) };
                let report = PartReport {
                    date: Some(Timestamp::from_seconds(NOON + date)),
                    ..numbered(&id, Some(part + 1), WORDS[word])
                };
                observed(Source::Callback, NOON + 60, vec![report])
            }).collect();
            run(&observations).0
        };
        prop_assert_eq!(run(in_order), run(shuffled));
    }
}
