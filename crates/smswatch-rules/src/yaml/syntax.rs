//! Explains in plain words why a text is not valid YAML.

use saphyr_parser::ScanError;

use super::scalar::quoted;
use super::{Document, comment};
use crate::diagnostic::{Diagnostic, Place};

/// Messages of the parser, and the words to show instead.
const WORDS: [(&str, &str, &str); 10] = [
    (
        "recursion limit",
        "this is nested too deep",
        "at most 64 levels are allowed",
    ),
    ("tab", "a tab cannot indent", "indent with spaces"),
    (
        "mapping values are not allowed",
        "unexpected `:`",
        "quote the text if the `:` is part of it, or check the indentation of this line",
    ),
    (
        "did not find expected key",
        "this line does not fit the mapping around it",
        "indent all keys of a mapping alike",
    ),
    (
        "did not find expected '-' indicator",
        "this line does not fit the list around it",
        "begin each entry with `-`, all indented alike",
    ),
    (
        "expected ',' or ']'",
        "this list is not closed",
        "close it with `]`",
    ),
    (
        "expected ',' or '}'",
        "this mapping is not closed",
        "close it with `}`",
    ),
    (
        "illegal placement of ':'",
        "unexpected `:`",
        "is a `]` or `}` missing before it?",
    ),
    (
        "quoted scalar",
        "this quoted text is not closed, or is malformed",
        "close the quote",
    ),
    (
        "did not find expected <document start>",
        "this line does not belong to anything before it",
        "indent all keys of a mapping alike",
    ),
];

/// The problem that the marked parser reported.
pub(super) fn problem(document: &Document, error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let n_lines = document.lines.len().max(1);
    let line = marker.line().clamp(1, n_lines);
    let n_characters = document.line(line).chars().count();
    let column = if marker.line() > n_lines {
        n_characters + 1
    } else {
        marker.col() + 1
    };
    let column = column.clamp(1, n_characters + 1);
    let rest: String = document.line(line).chars().skip(column - 1).collect();
    let at = |length| Place::at(line, column, length);

    if let Some(problem) = comment::in_brackets(document, line) {
        return problem;
    }
    if rest.starts_with('{') && document.line(line).contains("${") {
        let start = column.saturating_sub(1).max(1);
        let length = rest
            .find('}')
            .map_or(2, |end| rest[..end].chars().count() + 2);
        let written: String = document
            .line(line)
            .chars()
            .skip(start - 1)
            .take(length)
            .collect();
        return document
            .error(Place::at(line, start, length), "`${…}` must be quoted here")
            .hint(format!("quote it: {}", quoted(&written)));
    }
    match rest.chars().next() {
        Some('*') if error.info().contains("anchor") => {
            let word = word(&rest);
            let message = "an unquoted `*` begins an alias, and no anchor has this name";
            let hint = format!("quote it: {}", quoted(&word));
            return document.error(at(word.chars().count()), message).hint(hint);
        }
        Some('!') => {
            let word = word(&rest);
            let message = "an unquoted `!` begins a YAML tag, and tags are not supported";
            let hint = format!("quote it: {}", quoted(word.replace('"', "").as_str()));
            return document.error(at(word.chars().count()), message).hint(hint);
        }
        Some(first @ ('@' | '`' | '%')) if error.info().contains("unexpected character") => {
            let word = word(&rest);
            let message = format!("text cannot begin with `{first}` unquoted");
            let hint = format!("quote it: {}", quoted(&word));
            return document.error(at(word.chars().count()), message).hint(hint);
        }
        _ => {}
    }
    let known = WORDS
        .iter()
        .find(|(theirs, ..)| error.info().contains(theirs));
    match known {
        Some((_, message, hint)) => document.error(at(1), *message).hint(*hint),
        None => document.error(at(1), format!("this is not YAML: {}", error.info())),
    }
}

/// The problem that serde_yaml reported although the marked parser read the text.
pub(super) fn refused(document: &Document, error: &serde_yaml::Error) -> Diagnostic {
    let said = error.to_string();
    let location = error.location();
    let n_lines = document.lines.len().max(1);
    let line = location.as_ref().map_or(1, serde_yaml::Location::line);
    let column = location.as_ref().map_or(1, serde_yaml::Location::column);
    let line = line.clamp(1, n_lines);
    let n_characters = document.line(line).chars().count();
    let column = column.clamp(1, n_characters + 1);
    let rest: String = document.line(line).chars().skip(column - 1).collect();
    let at = |length| Place::at(line, column, length);
    if said.contains("as u128") || said.contains("as i128") {
        let word = word(&rest);
        let problem = document.error(at(word.chars().count()), "this number is too large");
        return problem.hint(format!("quote it if it is text: {}", quoted(&word)));
    }
    if rest.starts_with('\t') {
        let problem = document.error(at(1), "unexpected tab");
        return problem.hint("use spaces to indent and separate");
    }
    match WORDS.iter().find(|(theirs, ..)| said.contains(theirs)) {
        Some((_, message, hint)) => document.error(at(1), *message).hint(*hint),
        None => {
            let problem =
                document.error(at(1), format!("not every YAML parser reads this: {said}"));
            problem.hint("quote text, and write lists and mappings on several lines")
        }
    }
}

/// The text up to the next character that ends it in a list.
fn word(rest: &str) -> String {
    let end = rest.find([',', ']', '}', '#']).unwrap_or(rest.len());
    rest[..end].trim_end().to_owned()
}
