//! What parks a sink, for how long, and who is told of it.

mod refused;

use proptest::prelude::*;

use super::*;

const SETTINGS: BreakerSettings = BreakerSettings {
    failures: 3,
    probe: Duration::from_secs(30),
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_777_636_800 + second)
}

fn take(circuit: &mut Circuit, report: Report, second: i64) -> Option<News> {
    circuit.take(report, &SETTINGS, at(second))
}

fn fail(circuit: &mut Circuit, second: i64) -> Option<News> {
    let reason = "refused".to_owned();
    take(circuit, Report::Failed { reason }, second)
}

fn busy(circuit: &mut Circuit, second: i64, delay: u64) -> Option<News> {
    let report = Report::Busy {
        reason: "busy".to_owned(),
        delay: Duration::from_secs(delay),
    };
    take(circuit, report, second)
}

fn gone(circuit: &mut Circuit, second: i64) -> Option<News> {
    let reason = "410".to_owned();
    take(circuit, Report::Gone { reason }, second)
}

fn well(circuit: &mut Circuit, second: i64, is_probe: bool) -> Option<News> {
    take(circuit, Report::Well { is_probe }, second)
}

/// A breaker that opened at second 2.
fn opened() -> Circuit {
    let mut circuit = Circuit::default();
    for second in 0..3 {
        let news = fail(&mut circuit, second);
        assert_eq!(news.is_some(), second == 2);
    }
    circuit
}

fn parked_until(second: i64) -> Flow {
    Flow::Parked {
        until: Some(at(second)),
    }
}

#[test]
fn failures_in_a_row_open_it_and_are_told_once() {
    let mut circuit = Circuit::default();
    assert_eq!(fail(&mut circuit, 0), None);
    assert_eq!(fail(&mut circuit, 1), None);
    assert_eq!(well(&mut circuit, 2, false), None);
    assert_eq!(fail(&mut circuit, 3), None);
    assert_eq!(fail(&mut circuit, 4), None);
    assert_eq!(circuit.flow(at(4)), Flow::Open { since: None });
    let down = News::Down {
        reason: "refused".to_owned(),
        since: at(5),
        opening: 1,
    };
    assert_eq!(fail(&mut circuit, 5), Some(down));
    assert_eq!(fail(&mut circuit, 6), None, "it is told already");
    assert_eq!(circuit.flow(at(6)), parked_until(35));
    assert_eq!(circuit.open_since(), Some(at(5)));
}

#[test]
fn one_probe_is_allowed_per_interval() {
    let mut circuit = opened();
    assert!(!circuit.take_probe(&SETTINGS, at(31)));
    assert_eq!(circuit.flow(at(32)), Flow::Probe);
    assert!(circuit.take_probe(&SETTINGS, at(32)));
    assert!(!circuit.take_probe(&SETTINGS, at(32)));
    assert_eq!(fail(&mut circuit, 33), None);
    assert_eq!(circuit.flow(at(61)), parked_until(62));
    assert!(circuit.take_probe(&SETTINGS, at(62)));
}

#[test]
fn a_successful_probe_closes_it() {
    let mut circuit = opened();
    assert!(circuit.take_probe(&SETTINGS, at(32)));
    let recovered = News::Recovered {
        since: at(2),
        has_name: true,
        opening: 1,
    };
    assert_eq!(well(&mut circuit, 33, true), Some(recovered));
    assert_eq!(
        circuit.flow(at(40)),
        Flow::Open {
            since: Some(at(33))
        }
    );
    assert!(circuit.is_well());
    assert_eq!(fail(&mut circuit, 41), None, "it counts from the start");
}

/// A probe is refused for good.
fn refuse(circuit: &mut Circuit, second: i64) -> Option<News> {
    let report = Report::Refused {
        reason: "422".to_owned(),
        delivery: 0,
        is_probe: true,
    };
    take(circuit, report, second)
}

#[test]
fn a_refused_probe_holds_up_nothing_that_the_receiver_takes() {
    let mut circuit = opened();
    assert!(circuit.take_probe(&SETTINGS, at(32)));
    assert_eq!(refuse(&mut circuit, 33), None);
    assert_eq!(circuit.flow(at(33)), Flow::Probe, "another one, at once");
    assert!(circuit.take_probe(&SETTINGS, at(33)));
    assert_eq!(circuit.flow(at(33)), parked_until(63), "one at a time");
    assert!(well(&mut circuit, 34, true).is_some());
    assert!(circuit.is_well());
}

#[test]
fn a_receiver_that_refuses_everything_gets_a_few_deliveries_in_each_interval() {
    let mut circuit = opened();
    for start in [32, 62, 92] {
        for _ in 0..MOST_REFUSED {
            assert!(circuit.take_probe(&SETTINGS, at(start)));
            assert_eq!(refuse(&mut circuit, start), None, "nobody is told again");
        }
        assert_eq!(circuit.flow(at(start + 1)), parked_until(start + 30));
    }
    circuit.resume(at(93));
    assert!(circuit.take_probe(&SETTINGS, at(93)));
    assert_eq!(refuse(&mut circuit, 94), None);
    assert_eq!(circuit.flow(at(94)), Flow::Probe);
}

#[test]
fn what_began_before_it_opened_does_not_close_it() {
    let mut circuit = opened();
    assert_eq!(well(&mut circuit, 3, false), None);
    assert_eq!(circuit.flow(at(3)), parked_until(32));
}

#[test]
fn a_receiver_that_asks_for_time_gets_it_and_at_most_an_hour() {
    let mut circuit = Circuit::default();
    busy(&mut circuit, 0, 60);
    busy(&mut circuit, 1, 10);
    assert_eq!(
        circuit.flow(at(1)),
        parked_until(60),
        "the later end counts"
    );
    assert_eq!(
        circuit.flow(at(60)),
        Flow::Open {
            since: Some(at(60))
        }
    );
    busy(&mut circuit, 60, u64::MAX);
    assert_eq!(circuit.flow(at(61)), parked_until(60 + 3600));
}

#[test]
fn a_burst_that_is_told_to_wait_is_one_failure_and_waiting_in_vain_opens_it() {
    let mut circuit = Circuit::default();
    for _ in 0..8 {
        assert_eq!(busy(&mut circuit, 0, 10), None);
    }
    assert_eq!(busy(&mut circuit, 10, 10), None);
    assert!(busy(&mut circuit, 20, 10).is_some());
    assert_eq!(circuit.flow(at(21)), parked_until(30));
    assert_eq!(circuit.flow(at(30)), parked_until(50));
}

#[test]
fn a_burst_that_may_come_again_at_once_is_one_failure_too() {
    let mut circuit = Circuit::default();
    for _ in 0..8 {
        assert_eq!(busy(&mut circuit, 0, 0), None);
    }
    assert!(circuit.open_since().is_none());
    assert_eq!(circuit.flow(at(0)), parked_until(1));
}

#[test]
fn a_failure_is_told_until_anybody_succeeds_and_a_refusal_says_nothing_about_the_sink() {
    let mut circuit = Circuit::default();
    fail(&mut circuit, 0);
    assert_eq!(circuit.trouble(at(1)).as_deref(), Some("refused"));
    let mut elsewhere = Circuit::decode(&circuit.encode()).expect("it is readable");
    assert_eq!(well(&mut elsewhere, 2, false), None);
    assert_eq!(elsewhere.trouble(at(2)), None);
    refuse(&mut elsewhere, 3);
    assert_eq!(elsewhere.trouble(at(3)), None);
}

#[test]
fn the_next_probe_is_known_while_nothing_else_holds_the_sink_back() {
    let mut circuit = opened();
    assert_eq!(circuit.probe_at(at(3)), Some(at(32)));
    busy(&mut circuit, 4, 60);
    assert_eq!(circuit.probe_at(at(5)), Some(at(64)));
    circuit.pause(at(6));
    assert_eq!(circuit.probe_at(at(6)), None);
    assert_eq!(Circuit::default().probe_at(at(0)), None);
}

#[test]
fn a_receiver_that_is_gone_is_probed_hourly_until_somebody_resumes_it() {
    let mut circuit = Circuit::default();
    assert!(gone(&mut circuit, 0).is_some());
    assert_eq!(gone(&mut circuit, 1), None);
    assert_eq!(circuit.flow(at(1)), parked_until(3600));
    assert!(circuit.take_probe(&SETTINGS, at(3600)));
    assert_eq!(circuit.flow(at(3600)), parked_until(7200));
    circuit.resume(at(3700));
    assert_eq!(circuit.flow(at(3700)), Flow::Probe);
    assert!(circuit.take_probe(&SETTINGS, at(3700)));
    assert_eq!(circuit.flow(at(3701)), parked_until(3730));
}

#[test]
fn an_open_breaker_turns_into_one_of_a_receiver_that_is_gone() {
    let mut circuit = opened();
    assert_eq!(gone(&mut circuit, 3), None);
    assert_eq!(circuit.flow(at(3)), parked_until(3603));
}

#[test]
fn a_pause_holds_until_it_is_ended_and_is_not_probed() {
    let mut circuit = opened();
    circuit.pause(at(10));
    circuit.pause(at(20));
    assert_eq!(circuit.paused_since(), Some(at(10)));
    assert_eq!(circuit.flow(at(100)), Flow::Parked { until: None });
    assert!(!circuit.take_probe(&SETTINGS, at(100)));
    circuit.resume(at(101));
    assert_eq!(circuit.flow(at(101)), Flow::Probe);
}

#[test]
fn resuming_ends_what_the_receiver_asked_for() {
    let mut circuit = Circuit::default();
    busy(&mut circuit, 0, 600);
    circuit.resume(at(10));
    assert_eq!(
        circuit.flow(at(10)),
        Flow::Open {
            since: Some(at(10))
        }
    );
}

#[test]
fn time_parked_counts_once_and_only_from_when_the_delivery_was_made() {
    let mut circuit = opened();
    circuit.pause(at(12));
    circuit.resume(at(22));
    assert!(circuit.take_probe(&SETTINGS, at(32)));
    well(&mut circuit, 42, true);
    busy(&mut circuit, 50, 10);
    assert_eq!(circuit.parked_within(at(0), at(100)).as_secs(), 50);
    assert_eq!(circuit.parked_within(at(32), at(100)).as_secs(), 20);
    circuit.pause(at(100));
    assert_eq!(circuit.parked_within(at(99), at(130)).as_secs(), 30);
}

#[test]
fn people_read_why_it_is_parked() {
    let mut circuit = opened();
    circuit.pause(at(5));
    busy(&mut circuit, 5, 60);
    assert_eq!(
        circuit.trouble(at(6)).as_deref(),
        Some(
            "paused since 2026-05-01T12:00:05Z; down since 2026-05-01T12:00:02Z, next try \
             at 2026-05-01T12:00:32Z: refused; the receiver asked for a pause until \
             2026-05-01T12:01:05Z"
        )
    );
    circuit.resume(at(7));
    gone(&mut circuit, 8);
    assert_eq!(
        circuit.trouble(at(9)).as_deref(),
        Some(
            "down since 2026-05-01T12:00:02Z, next try at 2026-05-01T13:00:08Z; the receiver says that it is gone for good: 410"
        )
    );
    assert_eq!(Circuit::default().trouble(at(0)), None);
}

#[test]
fn it_is_read_as_it_was_written() {
    let mut circuit = opened();
    circuit.pause(at(5));
    busy(&mut circuit, 5, 60);
    assert_eq!(Circuit::decode(&circuit.encode()), Some(circuit));
    assert_eq!(Circuit::decode(b""), None);
    assert_eq!(Circuit::decode(b"\x02{}"), None);
}

/// Something that happens to a sink.
#[derive(Debug, Clone)]
enum Step {
    Well(bool),
    Fail,
    Refused,
    Busy(u64),
    Gone,
    Probe,
    Pause,
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(Step::Well),
        Just(Step::Fail),
        Just(Step::Refused),
        (0..10_000_u64).prop_map(Step::Busy),
        Just(Step::Gone),
        Just(Step::Probe),
        Just(Step::Pause),
        Just(Step::Resume),
    ]
}

proptest! {
    #[test]
    fn openings_and_recoveries_alternate_and_no_time_is_parked_unnoticed(
        steps in prop::collection::vec((0..120_i64, step()), 0..60),
    ) {
        let mut circuit = Circuit::default();
        let (mut now, mut parked, mut is_down) = (0, 0, false);
        let (mut probed, mut is_probing) = (Vec::new(), false);
        for (pause, step) in steps {
            for _ in 0..pause {
                parked += u64::from(!matches!(circuit.flow(at(now)), Flow::Open { .. }));
                now += 1;
            }
            let news = match step {
                Step::Well(is_probe) => well(&mut circuit, now, is_probe),
                Step::Fail => fail(&mut circuit, now),
                Step::Refused if is_probing => {
                    is_probing = false;
                    refuse(&mut circuit, now)
                }
                Step::Refused => None,
                Step::Busy(delay) => busy(&mut circuit, now, delay),
                Step::Gone => gone(&mut circuit, now),
                Step::Pause => {
                    circuit.pause(at(now));
                    None
                }
                Step::Resume => {
                    circuit.resume(at(now));
                    probed.clear();
                    None
                }
                Step::Probe => {
                    if circuit.take_probe(&SETTINGS, at(now)) {
                        probed.retain(|probed| now - probed < 30);
                        let most = if is_probing { 0 } else { MOST_REFUSED as usize - 1 };
                        prop_assert!(probed.len() <= most);
                        probed.push(now);
                        is_probing = true;
                    }
                    None
                }
            };
            match news {
                Some(News::Down { .. }) => {
                    prop_assert!(!is_down);
                    is_down = true;
                    probed.clear();
                    is_probing = false;
                }
                Some(News::Recovered { .. }) => {
                    prop_assert!(is_down);
                    is_down = false;
                }
                None => {}
            }
            prop_assert_eq!(circuit.open_since().is_some(), is_down);
            if let Flow::Parked { until: Some(until) } = circuit.flow(at(now)) {
                prop_assert!(until <= at(now) + MAX_RETRY_AFTER);
            }
            prop_assert_eq!(Circuit::decode(&circuit.encode()), Some(circuit.clone()));
        }
        prop_assert!(circuit.parked_within(at(0), at(now)).as_secs() >= parked);
    }
}
