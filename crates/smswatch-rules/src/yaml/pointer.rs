//! The tree as JSON, and the way back from a JSON pointer to a place in the file.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Content, Document, Key, Node};
use crate::diagnostic::Place;

impl Document {
    /// The value that a JSON pointer such as `/sinks/crm/url` names.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<&Node> {
        segments(pointer).try_fold(&self.root, |node, segment| node.child(&segment))
    }

    /// The key of the value at a JSON pointer. `None` for entries of a list.
    #[must_use]
    pub fn key(&self, pointer: &str) -> Option<&Key> {
        let (parent, name) = pointer.rsplit_once('/')?;
        let entry = self.find(parent)?.entry(&unescaped(name))?;
        Some(&entry.key)
    }

    /// Where to point for the value at a JSON pointer: at the value, or at its key if the value fills
    /// several lines. For a missing value, at the mapping that lacks it.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        match self.find(pointer) {
            Some(node) if node.place.length > 0 => node.place,
            Some(node) => self.key(pointer).map_or(node.place, |key| key.place),
            None => match pointer.rsplit_once('/') {
                Some((parent, _)) => self.place(parent),
                None => Place::START,
            },
        }
    }

    /// Where in the file a part of a value's text is: `range` of `source`, which is the text of `node` or the
    /// middle of it. `None` if it cannot be found there.
    ///
    /// Quotes, folding and indentation differ between the two, so this searches the lines of the value
    /// for the line that holds the part.
    #[must_use]
    pub fn place_in(&self, node: &Node, source: &str, range: Range<usize>) -> Option<Place> {
        let before = source.get(..range.start)?;
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = source[line_start..].lines().next()?;
        let offset = source.get(line_start..range.start)?.chars().count();
        let stretch = source.get(range)?.lines().next().unwrap_or_default();
        let n_lines = source.lines().count() + 1;
        let first = node.place.line;
        (first..first + n_lines).find_map(|number| {
            let text = self.line(number);
            let start = text.find(line.trim_end())?;
            let column = text[..start].chars().count() + offset + 1;
            Some(Place {
                line: number,
                column,
                length: stretch.chars().count(),
                used_in: node.place.used_in,
            })
        })
    }

    /// The whole file as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.root.to_json()
    }

    /// The whole file as JSON. Values from the environment stay text where `is_text` returns true for
    /// their JSON pointer, because a secret may look like a number.
    #[must_use]
    pub fn to_json_with(&self, is_text: &dyn Fn(&str) -> bool) -> Value {
        self.root.json(&mut String::new(), is_text)
    }
}

impl Node {
    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json(&mut String::new(), &|_| false)
    }

    fn json(&self, pointer: &mut String, is_text: &dyn Fn(&str) -> bool) -> Value {
        if let Some(inserted) = self.inserted().filter(|_| is_text(pointer)) {
            return Value::from(inserted);
        }
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::from(text.as_str()),
            Content::Sequence(items) => {
                let numbered = items.iter().enumerate();
                let items = numbered.map(|(position, item)| {
                    let name = position.to_string();
                    within(pointer, &name, |pointer| item.json(pointer, is_text))
                });
                Value::Array(items.collect())
            }
            Content::Mapping(entries) => {
                let entries = entries.iter().map(|entry| {
                    let name = escaped(&entry.key.name);
                    let value =
                        within(pointer, &name, |pointer| entry.value.json(pointer, is_text));
                    (entry.key.name.clone(), value)
                });
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    fn child(&self, segment: &str) -> Option<&Self> {
        match &self.content {
            Content::Sequence(items) => items.get(segment.parse::<usize>().ok()?),
            Content::Mapping(_) => self.get(segment),
            _ => None,
        }
    }
}

fn within<T>(pointer: &mut String, name: &str, inside: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(name);
    let result = inside(pointer);
    pointer.truncate(length);
    result
}

fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(unescaped)
}

fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

pub(super) fn escaped(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
