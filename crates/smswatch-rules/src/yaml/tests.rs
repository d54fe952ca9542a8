//! Files are read with their places, and what is refused is told at its place.

mod aliases;
mod environment;
mod refusals;
mod values;

use super::*;

fn read(text: &str) -> Document {
    let problems = |problems: Vec<Diagnostic>| -> String { shown(&problems) };
    Document::parse("smswatch.yaml", text)
        .map_err(problems)
        .expect("it is well formed")
}

fn shown(problems: &[Diagnostic]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn refused(text: &str) -> String {
    shown(&Document::parse("smswatch.yaml", text).expect_err("it is refused"))
}

fn place(document: &Document, pointer: &str) -> (usize, usize, usize) {
    let Place {
        line,
        column,
        length,
        ..
    } = document.place(pointer);
    (line, column, length)
}
