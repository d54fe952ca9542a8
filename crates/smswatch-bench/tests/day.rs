//! A short day of `cargo xtask day`: the default rules tell each thing that goes wrong, soon and rightly, and nothing
//! else.

use std::fmt::Write as _;

use smswatch_bench::day::{self, Options};

#[test]
fn the_default_rules_tell_five_of_five_incidents_of_a_short_day_and_nothing_else() {
    let options = Options {
        seed: 1,
        messages: 5_000,
        hours: 1,
        json: false,
    };
    let report = day::play(&options).expect("a whole day");
    assert!(report.is_good(), "{report}");
    let mut told = String::new();
    for incident in &report.incidents {
        writeln!(
            told,
            "{} ({}): {}, fault {}, in common {}",
            incident.incident,
            incident.place,
            incident.rule.as_deref().unwrap_or("MISSED"),
            incident.faults_named.join(", "),
            incident.in_common.join(", "),
        )
        .expect("a string takes everything");
    }
    insta::assert_snapshot!(told);
}
