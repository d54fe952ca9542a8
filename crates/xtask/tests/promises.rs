//! Holds CONTRIBUTING.md to its word: every promise names tests, and every named test exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of every Rust file below `directory`.
fn sources(directory: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(&path).expect("a text"));
        }
    }
}

/// The names of all tests: functions with such an attribute, and those that a suite lists.
fn tests() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for directory in ["crates", "examples", "tests"] {
        sources(&root().join(directory), &mut texts);
    }
    let mut names = BTreeSet::new();
    for text in &texts {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let function = line.split_once("fn ").map(|(_, rest)| rest);
            let name = function.and_then(|rest| rest.split(['(', '<']).next());
            if line.starts_with("#[") {
                is_test |= line.contains("test");
            } else {
                names.extend(name.filter(|_| is_test).map(str::to_owned));
                is_test = false;
            }
        }
        if text.contains("macro_rules! ") {
            let listed = text
                .lines()
                .filter_map(|line| line.trim().strip_suffix(','));
            names.extend(listed.map(str::to_owned));
        }
    }
    names
}

/// The promises of the table, each with the tests that it names.
fn promises() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("a text");
    let rows = text.lines().filter(|line| line.starts_with("| P"));
    let rows = rows.map(|row| {
        let promise = row.trim_start_matches("| ").chars().take(2).collect();
        let named = row.split('`').skip(1).step_by(2);
        (promise, named.map(str::to_owned).collect())
    });
    rows.collect()
}

#[test]
fn every_promise_is_held_by_tests_that_exist() {
    let promises = promises();
    let names: Vec<&str> = promises.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"]
    );
    let tests = tests();
    for (promise, named) in &promises {
        assert!(!named.is_empty(), "no test holds {promise}");
        for name in named {
            assert!(
                tests.contains(name),
                "CONTRIBUTING.md: `{name}` is to hold {promise}, and there is no such test"
            );
        }
    }
}
