//! Reads a file of scenarios; everything that is wrong with it is told with its place.

use std::path::Path;

use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_rules::{Diagnostic, Document, Node, Span, TextPattern};

use super::{Given, ScenarioFile, schema};
use crate::report::Failure;
use crate::settings::{self, Problem};

/// Reads a file of scenarios.
///
/// # Errors
///
/// It cannot be read, or everything that is wrong with it.
pub(crate) fn read(file: &Path) -> Result<ScenarioFile, Failure> {
    let name = file.display().to_string();
    let text = settings::text(file).map_err(|error| {
        let message = format!("could not read the scenarios: {error}");
        Failure::Configuration(vec![Diagnostic::of_file(name.clone(), message)])
    })?;
    parse(&name, &text).map_err(Failure::Configuration)
}

fn parse(name: &str, text: &str) -> Result<ScenarioFile, Vec<Diagnostic>> {
    let (document, diagnostics) = Document::salvage(name, text);
    let Some(document) = document.filter(|_| !diagnostics.iter().any(Diagnostic::is_error)) else {
        return Err(diagnostics);
    };
    let value = document.find("").map(Node::to_json).unwrap_or_default();
    let mut problems = settings::shape_problems(&schema(), &value);
    let mut read = None;
    if problems.is_empty() {
        match serde_json::from_value::<ScenarioFile>(value) {
            Ok(file) => {
                problems = doubts(&file);
                read = Some(file);
            }
            Err(error) => problems.push(Problem::new("", error.to_string())),
        }
    }
    match read {
        Some(file) if problems.is_empty() => Ok(file),
        _ => {
            let problems = problems.into_iter();
            let diagnostics = problems.map(|problem| settings::diagnostic(&document, problem));
            Err(settings::in_order(diagnostics))
        }
    }
}

/// What no schema can say.
fn doubts(file: &ScenarioFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, scenario) in file.tests.iter().enumerate() {
        let mut latest = Span::default();
        for (step, given) in scenario.given.iter().enumerate() {
            let pointer = format!("/tests/{place}/given/{step}");
            problems.extend(doubts_of_given(&pointer, given));
            if given.at < latest {
                let problem =
                    Problem::new(format!("{pointer}/at"), "this is before the step above");
                problems.push(problem.hint("put the steps in order"));
            }
            latest = latest.max(given.at);
        }
        if let Some(Err(error)) = scenario.begin.as_deref().map(str::parse::<Timestamp>) {
            let pointer = format!("/tests/{place}/begin");
            problems.push(Problem::new(pointer, error.to_string()));
        }
        for (number, expected) in scenario.expect.iter().enumerate() {
            for (key, pattern) in [
                ("title", &expected.title),
                ("text", &expected.text),
                ("held_back", &expected.held_back),
            ] {
                if let Some(Err(what)) = pattern.as_deref().map(TextPattern::new) {
                    let pointer = format!("/tests/{place}/expect/{number}/{key}");
                    problems.push(Problem::new(pointer, what));
                }
            }
        }
    }
    problems
}

fn doubts_of_given(pointer: &str, given: &Given) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |key: &str, message: &str| {
        problems.push(Problem::new(pointer, message).at_key(key));
    };
    let of_one_part = [
        ("status", given.status.is_some()),
        ("detailed_status", given.detailed_status.is_some()),
        ("description", given.description.is_some()),
        ("happened_at", given.happened_at.is_some()),
        ("price", given.price.is_some()),
        ("latency", given.latency.is_some()),
    ];
    for (key, _) in of_one_part.into_iter().filter(|(_, is_there)| *is_there) {
        if given.parts.is_some() {
            refuse(key, "write this for each of the `parts`");
        } else if given.status.is_none() && given.event.is_none() {
            refuse(key, "this needs a `status` beside it");
        }
    }
    if given.event.is_some() {
        for (key, is_there) in [
            ("message", given.message.is_some()),
            ("status", given.status.is_some()),
            ("parts", given.parts.is_some()),
            ("times", given.times.is_some()),
        ] {
            if is_there {
                refuse(
                    key,
                    "an `event` happens to smswatch itself, not to a message",
                );
            }
        }
    } else if given.about.is_some() {
        refuse("about", "this needs an `event` beside it");
    }
    let id = given
        .message
        .as_ref()
        .and_then(|message| message.message_id.as_deref());
    if let Some(Err(error)) = id.map(MessageId::new) {
        let place = format!("{pointer}/message/message_id");
        problems.push(Problem::new(place, error.to_string()));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let problems = parse("scenarios.yaml", text).expect_err("it is broken");
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        said.join("\n\n")
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        insta::assert_snapshot!(said(
            r#"
tests:
  - name: one
    given:
      - {at: 5s, message: {contry: GR}, status: Sent}
    expects: []
  - name: two
    given: []
    expect: [{rule: x, at: 5}]
"#
        ));
        insta::assert_snapshot!(said(
            r#"
tests:
  - name: one
    given:
      - {at: 5s, status: Sent, parts: [{number: 1, status: Sent}]}
      - {at: 1s, detailed_status: Expired}
      - {at: 6s, event: sink_down, message: {label: x}}
      - {at: 7s, about: crm, message: {message_id: "a b"}}
    expect: [{title: "/(/", held_back: "/)/"}]
    begin: yesterday
"#
        ));
        insta::assert_snapshot!(said("tests: [a\n"));
    }
}
