//! The guides are complete and true: what a user can write stands in them, links lead somewhere, and
//! examples are accepted.

mod completeness;
mod examples;
mod interfaces;
mod links;
mod payload;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository, as text.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page that people read, by its path from the root.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    for directory in ["", "docs", "crates/*", "examples/*"] {
        pages.extend(markdown_in(directory));
    }
    assert!(
        pages.iter().any(|page| page == "docs/rules.md"),
        "{pages:?}"
    );
    pages
}

/// The Markdown files of a folder; `*` stands for all folders in it.
fn markdown_in(directory: &str) -> Vec<String> {
    if let Some(parent) = directory.strip_suffix("/*") {
        let folders = names_in(parent);
        return folders
            .iter()
            .flat_map(|folder| markdown_in(&format!("{parent}/{folder}")))
            .collect();
    }
    let names = names_in(directory).into_iter();
    let pages = names.filter(|name| name.ends_with(".md"));
    pages
        .map(|name| {
            format!("{directory}/{name}")
                .trim_start_matches('/')
                .to_owned()
        })
        .collect()
}

fn names_in(directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(directory)) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The text below a heading, up to the next one of its level or above.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = format!("\n{heading}\n");
    let at = text.find(&start);
    let at = at.unwrap_or_else(|| panic!("there is no heading `{heading}`"));
    let rest = &text[at + start.len()..];
    let level = heading.chars().take_while(|sign| *sign == '#').count();
    let ends = (1..=level).filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// What stands in fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Vec<&'a str>)> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        match &mut open {
            Some(_) if trimmed.starts_with("```") => {
                blocks.extend(open.take().map(|(_, lines)| lines.join("\n") + "\n"));
            }
            Some((indent, lines)) => lines.push(line.get(*indent..).unwrap_or("")),
            None if trimmed == format!("```{language}") => {
                open = Some((line.len() - trimmed.len(), Vec::new()));
            }
            None => {}
        }
    }
    blocks
}

/// Runs the program with nothing of this environment but what it takes to run.
fn smswatch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
    command.args(arguments).env_remove("SMSWATCH_CONFIG");
    command
}

/// What a program printed.
fn printed(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}
