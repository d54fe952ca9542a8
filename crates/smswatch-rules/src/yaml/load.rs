//! Reads a text with two parsers: serde_yaml says what each value is, the marked parser says where it is.

use super::marks::Marks;
use super::{Content, Document, Node, merge, scalar, syntax};
use crate::diagnostic::{Diagnostic, Place};

const MAX_BYTES: usize = 1 << 20;

pub(super) fn load(file: &str, text: &str) -> (Option<Document>, Vec<Diagnostic>) {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        let problem = Diagnostic::of_file(file, "this file is larger than a megabyte");
        return (None, vec![problem]);
    }
    let document = Document {
        file: file.to_owned(),
        lines: text.lines().map(str::to_owned).collect(),
        root: Node::null(Place::START),
    };
    let (root, mut problems) = Marks::read(&document, &separated(text));
    let Some(mut root) = root else {
        return (None, problems);
    };
    // With two documents, tags or doubled keys there is no one value, and that has been told.
    let is_valued = problems.is_empty() && give_values(&mut root, text, &document, &mut problems);
    if !is_valued {
        give_each_its_value(&mut root);
    }
    merge::expand(&mut root, &document, &mut problems);
    let document = Document { root, ..document };
    (Some(document), problems)
}

/// The text with spaces for tabs that do not indent: serde_yaml takes both behind a `:`, the marked
/// parser only spaces.
fn separated(text: &str) -> String {
    let mut is_indentation = true;
    let separate = |character: char| {
        match character {
            '\n' | '\r' => is_indentation = true,
            '\t' if !is_indentation => return ' ',
            ' ' | '\t' => {}
            _ => is_indentation = false,
        }
        character
    };
    text.chars().map(separate).collect()
}

/// Takes all values from serde_yaml, and says whether that was possible.
fn give_values(
    root: &mut Node,
    text: &str,
    document: &Document,
    problems: &mut Vec<Diagnostic>,
) -> bool {
    match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(whole) => {
            let n_before = problems.len();
            adopt(root, whole, document, problems);
            problems.len() == n_before
        }
        Err(error) => {
            problems.push(syntax::refused(document, &error));
            false
        }
    }
}

/// Gives a node the value that serde_yaml has in its place.
fn adopt(
    node: &mut Node,
    value: serde_yaml::Value,
    document: &Document,
    problems: &mut Vec<Diagnostic>,
) {
    use serde_yaml::Value;
    match (&mut node.content, value) {
        (_, Value::Tagged(tagged)) => adopt(node, tagged.value, document, problems),
        (Content::Sequence(items), Value::Sequence(values)) if items.len() == values.len() => {
            for (item, value) in items.iter_mut().zip(values) {
                adopt(item, value, document, problems);
            }
        }
        (Content::Mapping(entries), Value::Mapping(values)) if entries.len() == values.len() => {
            for (entry, (_, value)) in entries.iter_mut().zip(values) {
                adopt(&mut entry.value, value, document, problems);
            }
        }
        (Content::Sequence(_) | Content::Mapping(_), _) => {
            problems.push(disagreement(node, document));
        }
        (content, value) => match scalar::content(value, content) {
            Some(value) => *content = value,
            None => problems.push(disagreement(node, document)),
        },
    }
}

fn disagreement(node: &Node, document: &Document) -> Diagnostic {
    document
        .error(node.place, "YAML parsers disagree on what this is")
        .hint("quote text, and write lists and mappings on several lines")
}

/// Gives every scalar the value that it has by itself, where the file as a whole has none.
fn give_each_its_value(node: &mut Node) {
    match &mut node.content {
        Content::Sequence(items) => items.iter_mut().for_each(give_each_its_value),
        Content::Mapping(entries) => entries
            .iter_mut()
            .for_each(|entry| give_each_its_value(&mut entry.value)),
        content => {
            if let Some(scalar) = node.scalar.as_ref().filter(|scalar| scalar.is_plain()) {
                *content = scalar::plain(scalar.written());
            }
        }
    }
}
