//! A clock that is set back stops nothing.

use std::path::Path;

use routee_sim::Fate;

use crate::process::Process;
use crate::stage::Stage;

/// Where Debian keeps the library that tells a program another time.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

fn set(file: &Path, clock: &str) {
    std::fs::write(file, format!("{clock}\n")).expect("a file");
}

/// Starts the binary with a wall clock of its own; its monotonic clock is the machine's.
fn start(stage: &Stage, config: &Path) -> (Process, std::path::PathBuf) {
    let file = stage.directory.path().join("clock");
    set(&file, "+0");
    let text = file.to_str().expect("a path of text");
    let environment = [
        ("LD_PRELOAD", FAKETIME),
        ("FAKETIME_TIMESTAMP_FILE", text),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    (Process::start_in(config, &environment), file)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_clock_that_is_set_back_and_forth_stops_no_alert() {
    let stage = Stage::new().await;
    let url = format!(
        "sqlite:{}",
        stage.directory.path().join("store.db").display()
    );
    let config = stage.config(&url);
    let (process, clock) = start(&stage, &config);
    for (n, time) in ["+0", "-2h", "+3d", "-2h"].into_iter().enumerate() {
        let id = stage.message(Fate::CarrierViolation);
        assert_eq!(process.json(&["watch", &id])["accepted"], 1);
        set(&clock, time);
        let told = stage.webhook.wait_for(n + 1).await;
        let event = &told[n].json()["data"]["events"][0];
        assert_eq!(event["message"]["message_id"], id.as_str(), "at {time}");
    }
    assert_eq!(process.terminate(), Some(0));
    // Nor does a restart, with the clock still behind what is stored.
    let (process, _clock) = start(&stage, &config);
    let id = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    stage.webhook.wait_for(5).await;
    assert_eq!(process.terminate(), Some(0));
}
