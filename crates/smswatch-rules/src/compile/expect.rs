//! Reads values as the type that they must have, or reports the type that they have.

use super::Compiler;
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Content, Entry, Node};
use smswatch_plugin::Span;
use smswatch_template::did_you_mean;

/// Where to point for a key's value: at the key itself if the value fills several lines.
pub(super) fn spot(entry: &Entry) -> Place {
    let place = entry.value.place();
    if place.length > 0 {
        place
    } else {
        entry.key.place
    }
}

/// Whether there is no value, for example because all of it is commented out.
pub(super) fn is_empty(node: &Node) -> bool {
    *node.content() == Content::Null
}

impl<'a> Compiler<'a> {
    /// Reports a key that is not among the `known` ones of `holder`, such as "a link".
    pub(super) fn unknown_key(&mut self, entry: &Entry, holder: &str, known: &[&str]) {
        let name = entry.key.name.as_str();
        let hint = match did_you_mean(name, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("expected one of: {}", known.join(", ")),
        };
        let message = format!("unknown key `{name}` in {holder}");
        self.error(entry.key.place, message).hint = Some(hint);
    }

    /// The entries below a key of a rule, which are to be among the `known` ones. Without a mapping, `example` says
    /// what would be right.
    pub(super) fn mapping<'n>(
        &mut self,
        entry: &'n Entry,
        known: &[&str],
        example: &str,
    ) -> Option<&'n [Entry]> {
        if is_empty(&entry.value) {
            self.no_value(entry);
            return None;
        }
        let Some(entries) = entry.value.as_mapping() else {
            let found = entry.value.kind();
            let message = format!("expected a mapping, found {found}");
            self.error(spot(entry), message).hint = Some(example.to_owned());
            return None;
        };
        let holder = format!("`{}`", entry.key.name);
        for inner in entries {
            if !known.contains(&inner.key.name.as_str()) {
                self.unknown_key(inner, &holder, known);
            }
        }
        Some(entries)
    }

    /// The values of a key that takes one or a list of them, each with where to point; a problem, and nothing, if it has
    /// none.
    pub(super) fn one_or_several<'n>(&mut self, entry: &'n Entry) -> Vec<(&'n Node, Place)> {
        let nodes: Vec<&Node> = match entry.value.content() {
            Content::Sequence(items) => items.iter().collect(),
            Content::Null => {
                self.no_value(entry);
                return Vec::new();
            }
            _ => vec![&entry.value],
        };
        let placed = nodes.into_iter().map(|node| match node.place() {
            place if place.length > 0 => (node, place),
            _ => (node, spot(entry)),
        });
        placed.collect()
    }

    /// Reports that a key has no value, and whether an unquoted `#` is the reason.
    pub(super) fn no_value(&mut self, entry: &Entry) -> &mut Diagnostic {
        let hint = self.document.comment_hint(&entry.key);
        let problem = self.error(spot(entry), format!("`{}` has no value", entry.key.name));
        problem.hint = hint;
        problem
    }

    pub(super) fn text<'n>(&mut self, entry: &'n Entry) -> Option<&'n str> {
        if is_empty(&entry.value) {
            self.no_value(entry);
            return None;
        }
        self.text_of(&entry.value, spot(entry))
    }

    /// The text of a value, also if it looks like a number only because of an environment variable.
    pub(super) fn text_of<'n>(&mut self, node: &'n Node, place: Place) -> Option<&'n str> {
        if let Some(text) = node.as_text().or_else(|| node.inserted()) {
            return Some(text);
        }
        let problem = self.error(place, format!("expected text, found {}", node.kind()));
        if let (Content::Bool(_) | Content::Number(_), Some(written)) =
            (node.content(), node.written())
        {
            problem.hint = Some(format!("quote it: \"{written}\""));
        }
        None
    }

    pub(super) fn span(&mut self, entry: &Entry) -> Option<Span> {
        if is_empty(&entry.value) {
            self.no_value(entry);
            return None;
        }
        let text = entry.value.as_text().or_else(|| entry.value.inserted());
        let span = text.and_then(|text| text.parse().ok());
        if span.is_none() {
            self.error(spot(entry), "not a duration").hint =
                Some("write a number and its unit: `500ms`, `30s`, `5m`, `2h` or `7d`".to_owned());
        }
        span
    }

    pub(super) fn boolean(&mut self, entry: &Entry) -> Option<bool> {
        if let Content::Bool(value) = entry.value.content() {
            return Some(*value);
        }
        let kind = entry.value.kind();
        let is_quoted = entry.value.as_text().is_some_and(|text| {
            ["true", "false", "yes", "no", "on", "off"].contains(&text.to_lowercase().as_str())
        });
        let problem = self.error(
            spot(entry),
            format!("expected `true` or `false`, found {kind}"),
        );
        if is_quoted {
            problem.hint = Some("write `true` or `false`, without quotes".to_owned());
        }
        None
    }
}
