//! What the steps of loading share: the file, its schema, and all that was found to be wrong so far.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use smswatch_rules::{Diagnostic, Document, Level, Node};

use super::problem::{Problem, escaped};
use crate::sink_types::SinkTypes;

/// A file that is being read.
pub(super) struct Reader<'a> {
    pub(super) types: &'a SinkTypes,
    /// The schema of the file as a whole.
    pub(super) whole: &'a Value,
    pub(super) document: &'a Document,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The options that stand there without a value; nothing else is to be told about them.
    pub(super) valueless: Vec<String>,
}

impl Reader<'_> {
    /// A section that fits its schema, as its type; its absence is its default where it has one.
    pub(super) fn section<T: DeserializeOwned>(
        &mut self,
        value: &Value,
        name: &str,
        is_sound: bool,
    ) -> Option<T> {
        let empty = match name {
            "shutdown_timeout" | "heartbeat" | "proxy" | "callbacks" | "traces" => Value::Null,
            _ => Value::Object(Map::new()),
        };
        let section = value
            .get(name)
            .filter(|section| !section.is_null())
            .cloned()
            .unwrap_or(empty);
        match serde_yaml::to_value(section).and_then(serde_yaml::from_value) {
            Ok(section) => Some(section),
            Err(error) => {
                // What the schema has found already is not told twice.
                if is_sound && self.valueless.is_empty() {
                    let message = format!("`{name}` does not read well: {error}");
                    self.report([Problem::new(format!("/{name}"), message)]);
                }
                None
            }
        }
    }

    pub(super) fn converted<T>(&mut self, converted: Option<Result<T, Vec<Problem>>>) -> Option<T> {
        match converted? {
            Ok(converted) => Some(converted),
            Err(problems) => {
                self.report(problems);
                None
            }
        }
    }

    /// Whether an option in the section at `pointer` stands there without a value.
    pub(super) fn lacks_value_in(&self, pointer: &str) -> bool {
        let is_inside = |valueless: &&String| {
            let inside = valueless.strip_prefix(pointer);
            inside.is_some_and(|rest| rest.starts_with('/'))
        };
        self.valueless.iter().any(|valueless| is_inside(&valueless))
    }

    pub(super) fn report(&mut self, problems: impl IntoIterator<Item = Problem>) {
        let problems = problems.into_iter();
        let told = problems.map(|problem| diagnostic(self.document, problem));
        self.diagnostics.extend(told);
    }
}

/// A problem with its place in `document`.
pub(crate) fn diagnostic(document: &Document, problem: Problem) -> Diagnostic {
    let in_mapping = problem
        .key
        .as_ref()
        .map(|key| format!("{}/{}", problem.pointer, escaped(key)));
    let key = in_mapping
        .as_ref()
        .and_then(|pointer| document.key(pointer));
    let whole = || key.map_or_else(|| document.place(&problem.pointer), |key| key.place);
    let part = problem.range.and_then(|range| {
        let node = document.find(&problem.pointer)?;
        document.place_in(node, node.as_text()?, *range)
    });
    let place = part.unwrap_or_else(whole);
    let mut diagnostic = match problem.level {
        Level::Error => document.error(place, problem.message),
        Level::Warning => document.warning(place, problem.message),
    };
    let listed = document.find(&problem.pointer).and_then(Node::written);
    let listed = listed.filter(|_| problem.wants_list);
    let listed = listed.map(|written| format!("in brackets: `[{}]`", in_list(written)));
    if let Some(hint) = listed.or(problem.hint) {
        diagnostic = diagnostic.hint(hint);
    }
    diagnostic
}

/// A text as an entry of a list in brackets.
fn in_list(written: &str) -> String {
    let is_plain = written.starts_with(char::is_alphanumeric)
        && !written.contains([',', '[', ']', '{', '}', '#', ':', '"']);
    if is_plain {
        return written.to_owned();
    }
    format!("\"{}\"", written.replace('\\', "\\\\").replace('"', "\\\""))
}
