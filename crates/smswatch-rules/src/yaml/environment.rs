//! Puts the environment into values: `${NAME}` and `${NAME:-default}`.

use super::scalar;
use super::{Content, Document, Node};
use crate::diagnostic::{Diagnostic, Place};

impl Document {
    /// Replaces `${NAME}` and `${NAME:-default}` in all values, by what `variable` knows by that
    /// name; `$${` stands for `${` itself. Keys are left alone.
    ///
    /// A value that is nothing but an unquoted `${NAME}` becomes a number or `true` where its text
    /// is one. The default also stands in for a variable that is empty.
    pub fn substitute(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut root = std::mem::replace(
            &mut self.root,
            Node {
                place: Place::START,
                content: Content::Null,
                scalar: None,
            },
        );
        self.insert(&mut root, variable, &mut problems);
        self.root = root;
        problems
    }

    fn insert(
        &self,
        node: &mut Node,
        variable: &dyn Fn(&str) -> Option<String>,
        problems: &mut Vec<Diagnostic>,
    ) {
        match &mut node.content {
            Content::Sequence(items) => {
                for item in items {
                    self.insert(item, variable, problems);
                }
            }
            Content::Mapping(entries) => {
                for entry in entries {
                    self.insert(&mut entry.value, variable, problems);
                }
            }
            Content::Text(text) if text.contains("${") => {
                let text = text.clone();
                let pieces = match pieces(&text) {
                    Ok(pieces) => pieces,
                    Err(trouble) => {
                        problems.push(self.malformed(node.place, &trouble));
                        return;
                    }
                };
                match fill(&pieces, variable) {
                    Ok(filled) => node.fill(filled, &pieces),
                    Err(names) => {
                        problems.extend(names.iter().map(|name| self.unset(node.place, name)))
                    }
                }
            }
            _ => {}
        }
    }

    fn unset(&self, place: Place, name: &str) -> Diagnostic {
        self.error(
            self.reference(place, name),
            format!("`{name}` is not set in the environment"),
        )
        .hint(format!(
            "set `{name}`, or give a default: `${{{name}:-default}}`"
        ))
    }

    fn malformed(&self, place: Place, trouble: &str) -> Diagnostic {
        self.error(place, trouble)
            .hint("write `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself")
    }

    /// Where `${name` stands in the value at `place`.
    fn reference(&self, place: Place, name: &str) -> Place {
        let needle = format!("${{{name}");
        // A value in a block stands in the lines below its place.
        for line in place.line..(place.line + 100).min(self.lines.len() + 1) {
            let skipped = if line == place.line {
                place.column - 1
            } else {
                0
            };
            let text: String = self.line(line).chars().skip(skipped).collect();
            if let Some(start) = text.find(&needle) {
                let column = skipped + text[..start].chars().count() + 1;
                let rest = &text[start..];
                let end = rest.find('}').map_or(needle.len(), |end| end + 1);
                return Place {
                    line,
                    column,
                    length: rest[..end].chars().count(),
                };
            }
        }
        place
    }
}

impl Node {
    fn fill(&mut self, filled: String, pieces: &[Piece<'_>]) {
        let Some(scalar) = &mut self.scalar else {
            return;
        };
        let is_whole = scalar.is_plain() && matches!(pieces, [Piece::Variable { .. }]);
        // An empty variable is an empty text: it must not pass for an option left out.
        self.content = if is_whole && !filled.is_empty() {
            scalar::plain(&filled)
        } else {
            Content::Text(filled.clone())
        };
        if pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Variable { .. }))
        {
            scalar.insert(filled);
        }
    }
}

/// A part of a value.
enum Piece<'a> {
    Literal(&'a str),
    Variable {
        name: &'a str,
        default: Option<&'a str>,
    },
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            pieces.push(Piece::Literal(&rest[..start - 1]));
            pieces.push(Piece::Literal("${"));
            rest = &rest[start + 2..];
            continue;
        }
        if start > 0 {
            pieces.push(Piece::Literal(&rest[..start]));
        }
        let end = rest[start..].find('}').ok_or("this `${` is not closed")?;
        let inside = &rest[start + 2..start + end];
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(format!("`{name}` is no name of a variable"));
        }
        pieces.push(Piece::Variable { name, default });
        rest = &rest[start + end + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The whole value, or the names of the variables that are not set.
fn fill<'a>(
    pieces: &[Piece<'a>],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Vec<&'a str>> {
    let mut filled = String::new();
    let mut unset = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => filled.push_str(literal),
            Piece::Variable { name, default } => {
                let value = variable(name).filter(|value| default.is_none() || !value.is_empty());
                match (value, default) {
                    (Some(value), _) => filled.push_str(&value),
                    (None, Some(default)) => filled.push_str(default),
                    (None, None) => unset.push(*name),
                }
            }
        }
    }
    if unset.is_empty() {
        Ok(filled)
    } else {
        Err(unset)
    }
}
