//! Replaces merge keys (`<<`) with the keys and values that they stand for.

use super::{Content, Document, Entry, MERGE, Node};
use crate::diagnostic::Diagnostic;

/// Replaces every `<<` in a tree. Keys of the mapping itself come first, then those of the first
/// mapping that has them.
pub(super) fn expand(node: &mut Node, document: &Document, problems: &mut Vec<Diagnostic>) {
    match &mut node.content {
        Content::Sequence(items) => {
            for item in items {
                expand(item, document, problems);
            }
        }
        Content::Mapping(entries) => {
            for entry in entries.iter_mut() {
                expand(&mut entry.value, document, problems);
            }
            let merged = entries.iter().position(|entry| entry.key.name == MERGE);
            if let Some(merged) = merged.map(|position| entries.remove(position)) {
                for source in sources(merged.value, document, problems) {
                    for entry in source {
                        if !entries.iter().any(|known| known.key.name == entry.key.name) {
                            entries.push(entry);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

/// The mappings that a `<<` names.
fn sources(value: Node, document: &Document, problems: &mut Vec<Diagnostic>) -> Vec<Vec<Entry>> {
    let place = value.place;
    let mut wrong = |place| {
        let problem = document.error(place, "`<<` takes a mapping, or a list of mappings");
        problems.push(problem.hint("write `<<: *name`, and mark the mapping with `&name`"));
    };
    match value.content {
        // With everything behind it commented out.
        Content::Null => Vec::new(),
        Content::Mapping(entries) => vec![entries],
        Content::Sequence(items) => items
            .into_iter()
            .filter_map(|item| match item.content {
                Content::Mapping(entries) => Some(entries),
                _ => {
                    wrong(item.place);
                    None
                }
            })
            .collect(),
        _ => {
            wrong(place);
            Vec::new()
        }
    }
}
