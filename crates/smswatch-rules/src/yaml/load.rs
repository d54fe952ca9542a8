//! Builds the tree from the parser's events.

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::{self, Scalar, quoted};
use super::syntax;
use super::{Content, Document, Entry, Key, Node};
use crate::diagnostic::{Diagnostic, Place};

const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 64;

pub(super) fn load(file: &str, text: &str) -> (Option<Document>, Vec<Diagnostic>) {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        let problem = Diagnostic::of_file(file, "this file is larger than a megabyte");
        return (None, vec![problem]);
    }
    let mut loader = Loader {
        document: Document {
            file: file.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
            root: Node {
                place: Place::START,
                content: Content::Null,
                scalar: None,
            },
        },
        open: Vec::new(),
        problems: Vec::new(),
    };
    let is_readable = loader.read(text);
    (is_readable.then_some(loader.document), loader.problems)
}

struct Loader {
    document: Document,
    /// Lists and mappings that have begun and not ended, the outermost first.
    open: Vec<Open>,
    problems: Vec<Diagnostic>,
}

struct Open {
    place: Place,
    content: Content,
    /// The key whose value comes next, in a mapping.
    key: Option<Pending>,
}

enum Pending {
    Key(Key),
    /// A key that was refused; its value goes with it.
    Refused,
}

impl Loader {
    /// Whether there is a tree in the end.
    fn read(&mut self, text: &str) -> bool {
        let mut n_documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok((event, span)) => (event, span),
                Err(error) => {
                    self.problems.push(syntax::problem(&self.document, &error));
                    return false;
                }
            };
            let place = self.place(span);
            match event {
                Event::DocumentStart(_) => {
                    n_documents += 1;
                    if n_documents > 1 {
                        self.refuse(place, "a second document begins here").hint =
                            Some("put everything into one, without `---`".to_owned());
                        return false;
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.check_anchor(anchor, place);
                    let is_plain = style == ScalarStyle::Plain;
                    self.scalar(text.into_owned(), is_plain, tag.as_deref(), place);
                }
                Event::SequenceStart(anchor, tag) => {
                    self.check_anchor(anchor, place);
                    self.check_tag(tag.as_deref(), place);
                    if !self.open(Content::Sequence(Vec::new()), place) {
                        return false;
                    }
                }
                Event::MappingStart(anchor, tag) => {
                    self.check_anchor(anchor, place);
                    self.check_tag(tag.as_deref(), place);
                    if !self.open(Content::Mapping(Vec::new()), place) {
                        return false;
                    }
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(place),
                Event::Alias(_) => {
                    self.refuse(place, "aliases are not understood here");
                    self.add(Node {
                        place,
                        content: Content::Null,
                        scalar: None,
                    });
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
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
        }
    }

    fn refuse(&mut self, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.problems.push(self.document.error(place, message));
        self.problems.last_mut().expect("one was just pushed")
    }

    fn check_anchor(&mut self, anchor: usize, place: Place) {
        if anchor > 0 {
            self.refuse(place, "anchors are not understood here").hint =
                Some("write the value where it is needed, or quote a text with `&`".to_owned());
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, place: Place) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            let quoted = quoted(&self.source(place));
            self.refuse(
                place,
                "an unquoted `!` begins a tag, and tags mean nothing here",
            )
            .hint = Some(format!("quote it: {quoted}"));
        }
    }

    /// The file's characters at a place.
    fn source(&self, place: Place) -> String {
        let line = self.document.line(place.line).chars();
        line.skip(place.column - 1).take(place.length).collect()
    }

    fn scalar(&mut self, text: String, is_plain: bool, tag: Option<&Tag>, place: Place) {
        if matches!(
            self.open.last(),
            Some(Open {
                content: Content::Mapping(_),
                key: None,
                ..
            })
        ) {
            self.check_tag(tag, place);
            return self.key(Key { name: text, place });
        }
        let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        let (text, is_plain) = match tag {
            // Once it is told, the value is what was meant, so that nothing else is told about it.
            Some(tag) if !tag.is_yaml_core_schema() => {
                self.check_tag(Some(tag), place);
                (self.source(place), false)
            }
            _ => (text, is_plain && !is_text),
        };
        let content = if is_plain {
            scalar::plain(&text)
        } else {
            Content::Text(text.clone())
        };
        self.add(Node {
            place,
            content,
            scalar: Some(Scalar::new(text, is_plain)),
        });
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
            let label = format!("the first is in line {}", earlier.key.place.line);
            let message = format!("`{}` is given twice", key.name);
            self.refuse(key.place, message).label = Some(label);
            Pending::Refused
        } else if key.name == "<<" {
            self.refuse(key.place, "merge keys are not understood here")
                .hint = Some("write the values where they are needed".to_owned());
            Pending::Refused
        } else {
            Pending::Key(key)
        };
        if let Some(open) = self.open.last_mut() {
            open.key = Some(pending);
        }
    }

    fn open(&mut self, content: Content, place: Place) -> bool {
        if let Some(Open {
            content: Content::Mapping(_),
            key: None,
            ..
        }) = self.open.last()
        {
            self.refuse(place, "a key must be text").hint =
                Some("quote it where text with `[` or `{` is meant".to_owned());
            return false;
        }
        if self.open.len() >= MAX_DEPTH {
            self.refuse(place, "this is nested too deep").hint =
                Some(format!("{MAX_DEPTH} levels are the most"));
            return false;
        }
        self.open.push(Open {
            place,
            content,
            key: None,
        });
        true
    }

    fn close(&mut self, end: Place) {
        let Some(Open {
            mut place, content, ..
        }) = self.open.pop()
        else {
            return;
        };
        // A list in brackets has a length; one of several lines is pointed at where it begins.
        if end.line == place.line && end.length > 0 {
            place.length = end.column + end.length - place.column;
        }
        self.add(Node {
            place,
            content,
            scalar: None,
        });
    }

    fn add(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.document.root = node;
            return;
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping(entries) => match open.key.take() {
                Some(Pending::Key(key)) => entries.push(Entry { key, value: node }),
                Some(Pending::Refused) => {}
                // An alias in the place of a key, which was refused already.
                None => open.key = Some(Pending::Refused),
            },
            _ => {}
        }
    }
}
