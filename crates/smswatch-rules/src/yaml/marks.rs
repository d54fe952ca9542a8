//! Builds the tree of places from the marked parser's events, with every alias replaced by its value.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::{Scalar, quoted};
use super::{Content, Document, Entry, Key, MERGE, Node, syntax};
use crate::diagnostic::{Diagnostic, Place};

const MAX_DEPTH: usize = 64;

/// How many values there may be once every alias is replaced by what it stands for.
const MAX_VALUES: usize = 100_000;

/// How many bytes of text there may be then.
const MAX_TEXT: usize = 8 << 20;

/// What reads a file.
pub(super) struct Marks<'a> {
    document: &'a Document,
    /// The value that everything else is in, once it is complete.
    root: Option<Node>,
    /// Lists and mappings that have begun and not ended, the outermost first.
    open: Vec<Open>,
    /// What aliases stand for; `None` while it is not complete.
    anchored: HashMap<usize, Option<Anchored>>,
    /// All that is in the tree so far.
    size: Size,
    problems: Vec<Diagnostic>,
}

/// A value with an anchor.
struct Anchored {
    node: Node,
    size: Size,
}

/// How large a part of the tree is.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
    /// How many lists and mappings are in each other, at most.
    depth: usize,
}

struct Open {
    place: Place,
    content: Content,
    /// The key whose value comes next, in a mapping.
    key: Option<Pending>,
    anchor: usize,
    /// What was in the tree when it began.
    before: Size,
    /// How many lists and mappings are in each other inside of it, so far.
    depth: usize,
}

enum Pending {
    Key(Key),
    /// A key that was refused; its value goes with it.
    Refused,
}

impl<'a> Marks<'a> {
    /// The tree, if the text is YAML, with texts for values; and what is wrong with its form.
    pub(super) fn read(document: &'a Document, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let mut marks = Self {
            document,
            root: None,
            open: Vec::new(),
            anchored: HashMap::new(),
            size: Size::default(),
            problems: Vec::new(),
        };
        let is_readable = marks.read_all(text);
        let root = marks.root.unwrap_or_else(|| Node::null(Place::START));
        (is_readable.then_some(root), marks.problems)
    }

    /// Whether there is a tree in the end.
    fn read_all(&mut self, text: &str) -> bool {
        let mut n_documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok((event, span)) => (event, span),
                Err(error) => {
                    self.problems.push(syntax::problem(self.document, &error));
                    return false;
                }
            };
            let place = self.place(span);
            let is_readable = match event {
                Event::DocumentStart(_) => {
                    n_documents += 1;
                    n_documents == 1 || {
                        self.refuse(place, "a second document begins here").hint =
                            Some("put everything in one document, without `---`".to_owned());
                        false
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let is_plain = style == ScalarStyle::Plain;
                    self.scalar(text.into_owned(), is_plain, anchor, tag.as_deref(), place)
                }
                Event::SequenceStart(anchor, tag) => {
                    self.check_tag(tag.as_deref(), place);
                    self.open(Content::Sequence(Vec::new()), anchor, place)
                }
                Event::MappingStart(anchor, tag) => {
                    self.check_tag(tag.as_deref(), place);
                    self.open(Content::Mapping(Vec::new()), anchor, place)
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    self.close(place);
                    true
                }
                Event::Alias(anchor) => self.alias(anchor, place),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => true,
            };
            if !is_readable {
                return false;
            }
        }
        true
    }

    /// What the parser's span covers of its first line.
    fn place(&self, span: saphyr_parser::Span) -> Place {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let end = if span.end.line() == line {
            span.end.col() + 1
        } else {
            self.document.line(line).trim_end().chars().count() + 1
        };
        Place {
            line,
            column,
            length: end.saturating_sub(column),
            used_in: None,
        }
    }

    fn refuse(&mut self, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.problems.push(self.document.error(place, message));
        self.problems.last_mut().expect("one was just pushed")
    }

    fn check_tag(&mut self, tag: Option<&Tag>, place: Place) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            let quoted = quoted(&self.source(place));
            self.refuse(
                place,
                "an unquoted `!` begins a YAML tag, and tags are not supported",
            )
            .hint = Some(format!("quote it: {quoted}"));
        }
    }

    /// The file's characters at a place.
    fn source(&self, place: Place) -> String {
        let line = self.document.line(place.line).chars();
        line.skip(place.column - 1).take(place.length).collect()
    }

    /// Whether a key comes next.
    fn wants_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Mapping(_),
                key: None,
                ..
            })
        )
    }

    fn scalar(
        &mut self,
        text: String,
        is_plain: bool,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> bool {
        let (text, is_plain) = match tag {
            // Once it is told, the value is what was meant, so that nothing else is told about it.
            Some(tag) if !tag.is_yaml_core_schema() => {
                self.check_tag(Some(tag), place);
                (self.source(place), false)
            }
            Some(tag) if tag.suffix == "str" => (text, false),
            _ => (text, is_plain),
        };
        let size = Size {
            values: 1,
            text: text.len(),
            depth: 0,
        };
        let node = Node {
            place,
            content: Content::Text(text.clone()),
            scalar: Some(Scalar::new(text.clone(), is_plain)),
        };
        if anchor > 0 {
            let node = node.clone();
            self.anchored.insert(anchor, Some(Anchored { node, size }));
        }
        if self.wants_key() {
            self.key(Key { name: text, place });
            return true;
        }
        self.grow(size, place) && {
            self.add(node);
            true
        }
    }

    /// Puts what an anchor stands for in the place of its alias.
    fn alias(&mut self, anchor: usize, place: Place) -> bool {
        let Some(Some(Anchored { node, size })) = self.anchored.get(&anchor) else {
            self.refuse(place, "this alias refers to itself");
            return false;
        };
        let size = *size;
        if self.wants_key() {
            match &node.scalar {
                Some(scalar) => {
                    let name = scalar.written().to_owned();
                    self.key(Key { name, place });
                    return true;
                }
                None => {
                    self.refuse(place, "a key must be text");
                    return false;
                }
            }
        }
        if self.open.len() + size.depth > MAX_DEPTH {
            self.too_deep(place);
            return false;
        }
        // Measured before it is copied: what unfolds without end is never unfolded.
        if !self.grow(size, place) {
            return false;
        }
        let copy = self.anchored.get(&anchor).and_then(Option::as_ref);
        let mut copy = copy.map_or_else(|| Node::null(place), |anchored| anchored.node.clone());
        copy.use_in(place.line);
        if let Some(open) = self.open.last_mut() {
            open.depth = open.depth.max(size.depth);
        }
        self.add(copy);
        true
    }

    /// Counts what comes into the tree, and refuses what is too much.
    fn grow(&mut self, size: Size, place: Place) -> bool {
        self.size.values = self.size.values.saturating_add(size.values);
        self.size.text = self.size.text.saturating_add(size.text);
        if self.size.values <= MAX_VALUES && self.size.text <= MAX_TEXT {
            return true;
        }
        let message = if self.size.values > MAX_VALUES {
            format!("this file has more than {MAX_VALUES} values with aliases expanded")
        } else {
            format!("this file has more than {MAX_TEXT} bytes of text with aliases expanded")
        };
        self.refuse(place, message).label = Some("the limit is reached here".to_owned());
        false
    }

    fn key(&mut self, key: Key) {
        let earlier = match self.open.last() {
            Some(Open {
                content: Content::Mapping(entries),
                ..
            }) => entries.iter().find(|entry| entry.key.name == key.name),
            _ => None,
        };
        let pending = if let Some(earlier) = earlier {
            let label = format!("first given in line {}", earlier.key.place.line);
            let problem = self.refuse(key.place, format!("`{}` is given twice", key.name));
            problem.label = Some(label);
            if key.name == MERGE {
                problem.hint = Some("use a list: `<<: [*first, *second]`".to_owned());
            }
            Pending::Refused
        } else {
            Pending::Key(key)
        };
        if let Some(open) = self.open.last_mut() {
            open.key = Some(pending);
        }
    }

    fn too_deep(&mut self, place: Place) {
        self.refuse(place, "this is nested too deep").hint =
            Some(format!("at most {MAX_DEPTH} levels are allowed"));
    }

    fn open(&mut self, content: Content, anchor: usize, place: Place) -> bool {
        if self.wants_key() {
            self.refuse(place, "a key must be text").hint =
                Some("quote it if it is text with `[` or `{`".to_owned());
            return false;
        }
        if self.open.len() >= MAX_DEPTH {
            self.too_deep(place);
            return false;
        }
        let before = self.size;
        let itself = Size {
            values: 1,
            ..Size::default()
        };
        if !self.grow(itself, place) {
            return false;
        }
        if anchor > 0 {
            self.anchored.insert(anchor, None);
        }
        self.open.push(Open {
            place,
            content,
            key: None,
            anchor,
            before,
            depth: 0,
        });
        true
    }

    fn close(&mut self, end: Place) {
        let Some(Open {
            mut place,
            content,
            anchor,
            before,
            depth,
            ..
        }) = self.open.pop()
        else {
            return;
        };
        // A list in brackets has a length; one of several lines is pointed at where it begins.
        if end.line == place.line && end.length > 0 {
            place.length = end.column + end.length - place.column;
        }
        let node = Node {
            place,
            content,
            scalar: None,
        };
        let depth = depth + 1;
        if anchor > 0 {
            let size = Size {
                values: self.size.values - before.values,
                text: self.size.text - before.text,
                depth,
            };
            let node = node.clone();
            self.anchored.insert(anchor, Some(Anchored { node, size }));
        }
        if let Some(open) = self.open.last_mut() {
            open.depth = open.depth.max(depth);
        }
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping(entries) => match open.key.take() {
                Some(Pending::Key(key)) => entries.push(Entry { key, value: node }),
                Some(Pending::Refused) | None => {}
            },
            _ => {}
        }
    }
}
