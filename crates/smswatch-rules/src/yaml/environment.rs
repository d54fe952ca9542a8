//! Puts the environment into values: `${NAME}` and `${NAME:-default}`.

use super::pointer::escaped;
use super::scalar;
use super::{Content, Document, Node};
use crate::diagnostic::{Diagnostic, Place};

impl Document {
    /// Replaces `${NAME}` and `${NAME:-default}` in all values, by what `variable` knows by that
    /// name; `$${` stands for `${` itself. Keys are left alone.
    ///
    /// A value that is nothing but an unquoted `${NAME}` becomes a number or `true` where its text
    /// is one. The default also stands in for a variable that is empty. A line break at the end of a
    /// variable is left out, as a shell does. `advice` says for the JSON pointer of a value what else
    /// can be done where a variable is not set.
    pub fn substitute(
        &mut self,
        variable: &dyn Fn(&str) -> Option<String>,
        advice: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let mut root = std::mem::replace(&mut self.root, Node::null(Place::START));
        let variable = |name: &str| variable(name).map(without_line_break);
        let mut inserting = Inserting {
            document: self,
            variable: &variable,
            advice,
            pointer: String::new(),
            problems: &mut problems,
        };
        inserting.insert(&mut root);
        self.root = root;
        problems
    }

    fn unset(&self, place: Place, name: &str, advice: Option<String>) -> Diagnostic {
        let otherwise = advice.unwrap_or_else(|| format!("give a default: `${{{name}:-default}}`"));
        self.error(
            self.reference(place, name),
            format!("`{name}` is not set in the environment"),
        )
        .hint(format!("set `{name}`, or {otherwise}"))
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
                    used_in: place.used_in,
                };
            }
        }
        place
    }
}

/// What puts the environment into a tree.
struct Inserting<'a> {
    document: &'a Document,
    variable: &'a dyn Fn(&str) -> Option<String>,
    advice: &'a dyn Fn(&str) -> Option<String>,
    /// Where in the tree it is.
    pointer: String,
    problems: &'a mut Vec<Diagnostic>,
}

impl Inserting<'_> {
    fn insert(&mut self, node: &mut Node) {
        match &mut node.content {
            Content::Sequence(items) => {
                for (position, item) in items.iter_mut().enumerate() {
                    self.insert_at(&position.to_string(), item);
                }
            }
            Content::Mapping(entries) => {
                for entry in entries {
                    self.insert_at(&escaped(&entry.key.name), &mut entry.value);
                }
            }
            Content::Text(text) if text.contains("${") => {
                let text = text.clone();
                let pieces = match pieces(&text) {
                    Ok(pieces) => pieces,
                    Err(trouble) => {
                        self.problems
                            .push(self.document.malformed(node.place, &trouble));
                        return;
                    }
                };
                match fill(&pieces, self.variable) {
                    Ok(filled) => node.fill(filled, &pieces),
                    Err(names) => {
                        let unset = names.iter().map(|name| {
                            let advice = (self.advice)(&self.pointer);
                            self.document.unset(node.place, name, advice)
                        });
                        self.problems.extend(unset);
                    }
                }
            }
            _ => {}
        }
    }

    fn insert_at(&mut self, segment: &str, node: &mut Node) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(segment);
        self.insert(node);
        self.pointer.truncate(length);
    }
}

/// A variable's value as it was meant: secrets made with `echo`, and files of variables written on
/// Windows, end with a line break.
fn without_line_break(value: String) -> String {
    value.trim_end_matches(['\r', '\n']).to_owned()
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
            return Err(format!("`{name}` is not a valid variable name"));
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
