//! Holds that systemd reads the unit as it is meant, and finds little that it leaves open.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most exposure that is left, in tenths: systemd calls 0 to 20 tenths "OK".
const MOST_EXPOSURE: &str = "12";

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd/smswatch.service")
}

/// Runs `systemd-analyze`, which must be content; returns its output.
#[track_caller]
fn analyze(arguments: &[&str]) -> String {
    let output = Command::new("systemd-analyze").args(arguments).output();
    let output = output.expect("`cargo xtask test` installs systemd");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    let directory = std::env::temp_dir().join(format!("smswatch-unit-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a folder");
    let text = fs::read_to_string(unit()).expect("a file");
    // What it starts has to be there.
    let this = std::env::current_exe().expect("a path");
    let text = text.replace("/usr/bin/smswatch", &this.display().to_string());
    let copy = directory.join("smswatch.service");
    fs::write(&copy, text).expect("a file");
    let said = analyze(&["verify", "--man=no", &copy.display().to_string()]);
    fs::remove_dir_all(&directory).expect("it was made");
    assert_eq!(said, "");
}

#[test]
fn the_unit_leaves_little_open() {
    let threshold = format!("--threshold={MOST_EXPOSURE}");
    let unit = unit().display().to_string();
    let said = analyze(&[
        "security",
        "--no-pager",
        "--offline=true",
        &threshold,
        &unit,
    ]);
    assert!(said.contains("Overall exposure level"), "{said}");
}
