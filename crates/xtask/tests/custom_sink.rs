//! The custom sink is short, and stands on its own: it can be copied out of this repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use cargo_metadata::MetadataCommand;

/// The most lines of code that a sink takes, its tests included.
const MOST_LINES: usize = 100;

fn example(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/custom-sink");
    fs::read_to_string(folder.join(file)).expect("the example has this file")
}

#[test]
fn a_whole_sink_takes_at_most_a_hundred_lines() {
    let main = example("src/main.rs");
    let lines = main.lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let count = code.count();
    assert!(count <= MOST_LINES, "{count} lines of code");
}

#[test]
fn what_is_copied_out_of_the_repository_finds_its_dependencies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the repository is there");
    let elsewhere = std::env::temp_dir().join(format!("custom-sink-{}", std::process::id()));
    fs::create_dir_all(elsewhere.join("src")).expect("a folder");
    let crates = format!("{}/crates", root.display());
    // What docs/custom-sink.md says to do.
    let manifest = example("Cargo.toml").replace("../../crates", &crates);
    let copies = [
        ("Cargo.toml", manifest),
        ("src/main.rs", example("src/main.rs")),
    ];
    for (file, text) in copies {
        fs::write(elsewhere.join(file), text).expect("a file");
    }
    fs::copy(root.join("Cargo.lock"), elsewhere.join("Cargo.lock")).expect("a file");
    // To compile brings only the crates of this platform; cargo resolves with those of all.
    let fetched = Command::new(env!("CARGO"))
        .args(["fetch", "--locked", "--quiet"])
        .current_dir(&root)
        .status();
    assert!(fetched.expect("cargo runs").success(), "cargo cannot fetch");
    let found = MetadataCommand::new()
        .manifest_path(elsewhere.join("Cargo.toml"))
        .other_options(["--offline".to_owned()])
        .exec();
    fs::remove_dir_all(&elsewhere).expect("the folder goes");
    let found = found.unwrap_or_else(|error| panic!("cargo cannot resolve it: {error}"));
    for name in [
        "custom-sink",
        "smswatch",
        "smswatch-sink-kit",
        "smswatch-testkit",
    ] {
        let is_there = found.packages.iter().any(|package| package.name == name);
        assert!(is_there, "`{name}` is missing");
    }
}
