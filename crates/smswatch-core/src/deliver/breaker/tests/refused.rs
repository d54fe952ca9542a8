//! What several refusals in a row say of a sink.

use super::*;

/// A delivery that probes nothing is refused for good.
fn refuse_one(circuit: &mut Circuit, delivery: u64, second: i64) -> Option<News> {
    let report = Report::Refused {
        reason: "401".to_owned(),
        delivery,
        is_probe: false,
    };
    take(circuit, report, second)
}

#[test]
fn a_receiver_that_refuses_several_deliveries_in_a_row_is_in_trouble() {
    let mut circuit = Circuit::default();
    for second in 0..10 {
        assert_eq!(
            refuse_one(&mut circuit, 7, second),
            None,
            "it is always the same"
        );
    }
    assert_eq!(circuit.trouble(at(10)), None);
    assert_eq!(refuse_one(&mut circuit, 8, 10), None);
    well(&mut circuit, 11, false);
    assert_eq!(refuse_one(&mut circuit, 8, 12), None);
    assert_eq!(refuse_one(&mut circuit, 9, 13), None);
    let Some(News::Down { reason, .. }) = refuse_one(&mut circuit, 10, 14) else {
        panic!("it is not told")
    };
    assert_eq!(reason, "3 deliveries in a row were refused for good: 401");
    assert_eq!(circuit.flow(at(15)), parked_until(44));
    assert_eq!(refuse_one(&mut circuit, 11, 15), None, "it is told already");
    assert!(circuit.take_probe(&SETTINGS, at(44)));
    assert!(well(&mut circuit, 45, true).is_some());
    assert!(circuit.is_well());
}

#[test]
fn what_waits_is_to_be_made_due_until_somebody_has_done_so() {
    let mut circuit = opened();
    assert_eq!(circuit.to_make_due, None);
    assert!(circuit.take_probe(&SETTINGS, at(32)));
    well(&mut circuit, 33, true);
    let elsewhere = Circuit::decode(&circuit.encode()).expect("it is readable");
    assert_eq!(elsewhere.to_make_due, Some(at(33)));
}

#[test]
fn one_refusal_is_neither_a_failure_nor_trouble() {
    let mut circuit = Circuit::default();
    assert_eq!(refuse_one(&mut circuit, 1, 0), None);
    assert_eq!(circuit.trouble(at(1)), None);
    assert_eq!(circuit.flow(at(1)), Flow::Open { since: None });
}
