//! Holds what every file of the source looks like, that the modules of the settings form no circle, and that what is shipped
//! is optimized.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file: a longer one has a second idea in it.
const MOST_LINES: usize = 450;

/// Names that say nothing of what a file answers for.
const NAMES_OF_NOTHING: [&str; 7] = [
    "common", "helper", "helpers", "misc", "mod", "util", "utils",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust file of the workspace with its text, by its path from the root.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut sources = BTreeMap::new();
    for directory in ["crates", "examples", "tests"] {
        collect(Path::new(directory), &mut sources);
    }
    sources
}

fn collect(directory: &Path, sources: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(root().join(directory)).expect("a directory") {
        let entry = entry.expect("an entry");
        let path = directory.join(entry.file_name());
        if entry.path().is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).expect("a text");
            sources.insert(path, text);
        }
    }
}

/// Fails with the rule and all files that break it.
#[track_caller]
fn assert_none(broken: impl Iterator<Item = String>, rule: &str) {
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// The first paragraph of a file's documentation, as one line; `None` if the file does not begin with it.
fn opening(text: &str) -> Option<String> {
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    let opening = lines.collect::<Vec<_>>().join(" ");
    (!opening.is_empty()).then_some(opening)
}

#[test]
fn every_file_opens_with_a_sentence_on_what_it_answers_for() {
    let sources = sources();
    let broken = sources.iter().filter(|(_, text)| {
        let is_readme = text.starts_with("#![doc = include_str!(");
        let is_sentence = |opening: String| opening.ends_with(['.', ':']);
        !is_readme && !opening(text).is_some_and(is_sentence)
    });
    assert_none(
        broken.map(|(path, _)| path.display().to_string()),
        "a file begins with `//!` and a sentence that ends with a period",
    );
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let sources = sources();
    let lengths = sources
        .iter()
        .map(|(path, text)| (path, text.lines().count()));
    let broken = lengths.filter(|(_, n_lines)| *n_lines > MOST_LINES);
    assert_none(
        broken.map(|(path, n_lines)| format!("{} ({n_lines} lines)", path.display())),
        "a file has at most 450 lines; move its second idea to a file of its own",
    );
}

#[test]
fn files_are_named_for_what_they_are_about() {
    let sources = sources();
    let broken = sources.keys().filter(|path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.is_some_and(|stem| NAMES_OF_NOTHING.contains(&stem))
    });
    assert_none(
        broken.map(|path| path.display().to_string()),
        "name a file for what it is about; `foo.rs` beside `foo/` instead of `foo/mod.rs`",
    );
}

/// A paused clock would not hold for what reads the machine's: tests of leases, probes and alarms would have to
/// wait for them. The monitor of pauses says itself why it does.
#[test]
fn the_engine_reads_the_clock_of_its_runtime() {
    let sources = sources();
    let reads_another = |text: &str| {
        let imports = text.split("std::time::").skip(1);
        let mut names = imports.map(|rest| rest.split(';').next().unwrap_or_default());
        names.any(|names| names.contains("Instant") || names.contains("SystemTime"))
    };
    let is_engine = |path: &Path| {
        path.starts_with("crates/smswatch-core") || path.ends_with("smswatch-routee/src/token.rs")
    };
    let engine = sources.iter().filter(|(path, _)| is_engine(path));
    let broken: Vec<_> = engine.filter(|(_, text)| reads_another(text)).collect();
    let broken = broken.iter().map(|(path, _)| path.display().to_string());
    assert_none(
        broken.filter(|path| !path.ends_with("/pause_monitor.rs")),
        "the engine's instants are `tokio::time::Instant`, which a test can pause",
    );
}

/// The names behind each `super::` of a text: `a` and `b` of `super::{a::B, b}`.
fn siblings(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut names = BTreeSet::new();
    for behind in code.split("super::").skip(1) {
        let listed = match behind.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => behind
                .split(|sign| !is_part(sign))
                .next()
                .unwrap_or_default(),
        };
        let entries = listed.split(',').map(str::trim);
        names.extend(entries.map(|entry| entry.split("::").next().unwrap_or_default()));
    }
    names
}

/// A way from `module` back to itself through what modules name of each other, if there is one.
fn circle<'a>(
    module: &'a str,
    named: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    way: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = way.iter().position(|passed| *passed == module) {
        return Some(way[start..].to_vec());
    }
    way.push(module);
    let next = named.get(module).into_iter().flatten();
    let found = next.copied().find_map(|next| circle(next, named, way));
    way.pop();
    found
}

#[test]
fn modules_of_the_settings_do_not_lead_in_a_circle() {
    let folder = Path::new("crates/smswatch/src/settings");
    let sources = sources();
    let modules = sources.iter().filter_map(|(path, text)| {
        let stem = path.file_stem()?.to_str()?;
        (path.parent() == Some(folder) && stem != "tests").then(|| (stem, siblings(text)))
    });
    let named: BTreeMap<&str, BTreeSet<&str>> = modules.collect();
    assert!(named.len() > 10, "{named:?}");
    for module in named.keys() {
        let circle = circle(module, &named, &mut Vec::new());
        assert_eq!(
            circle, None,
            "these modules of the settings name each other"
        );
    }
}

/// What a section of the workspace's manifest names, with what it says of each.
fn section<'a>(manifest: &'a str, header: &str) -> BTreeMap<&'a str, &'a str> {
    let lines = manifest.lines().skip_while(|line| *line != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once(" = ")).collect()
}

#[test]
fn what_compiles_faster_for_a_first_run_is_optimized_in_what_is_shipped() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let first_run = section(&manifest, "[profile.release.package]");
    let shipped = section(&manifest, "[profile.dist.package]");
    assert!(!first_run.is_empty());
    assert_eq!(section(&manifest, "[profile.dist]")["opt-level"], "3");
    let broken = first_run
        .keys()
        .filter(|name| shipped.get(*name) != Some(&"{ opt-level = 3 }"));
    assert_none(
        broken.map(|name| (*name).to_owned()),
        "named for `release` and not for `dist`",
    );
}
