//! A short run of `cargo xtask chaos`: nothing is lost, nothing false is told, and whatever comes
//! twice can be recognized.

use std::time::Duration;

use smswatch_bench::chaos::{self, Options};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_everything_is_killed_cut_and_stopped() {
    let options = Options {
        profile: "dev",
        length: Duration::from_secs(25),
        messages: 600,
        seed: 8,
    };
    let binary = chaos::build(options.profile).expect("it compiles");
    let report = chaos::play(&binary, &options).await.expect("a whole run");
    assert!(report.is_clean(), "\n{report}");
    let happened = [
        report.kills,
        report.stops,
        report.redis_kills,
        report.cuts,
        report.passing_finals,
    ];
    assert!(happened.iter().all(|times| *times > 0), "\n{report}");
}
