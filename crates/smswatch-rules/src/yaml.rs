//! A YAML file as a tree in which everything knows its line and column.

mod comment;
mod environment;
mod load;
mod marks;
mod merge;
mod pointer;
mod scalar;
mod syntax;

use serde_json::Number;

use crate::diagnostic::{Diagnostic, Level, Place};

/// The key that takes in the keys of other mappings.
const MERGE: &str = "<<";

/// A YAML file that was read.
///
/// Aliases and merge keys (`<<`) are replaced by what they stand for. What is refused, with its
/// place: several documents, keys that are not plain text, keys given twice, tags, and files beyond
/// a megabyte, 64 levels, or 100,000 values with all aliases replaced.
#[derive(Clone)]
pub struct Document {
    file: String,
    lines: Vec<String>,
    root: Node,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    place: Place,
    content: Content,
    scalar: Option<scalar::Scalar>,
}

/// What a value is.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order of the file.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key itself.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

impl Document {
    /// Reads `text` as the content of `file`, which is only a name.
    ///
    /// # Errors
    ///
    /// Everything that keeps the text from being one tree without contradictions.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        match Self::salvage(file, text) {
            (Some(document), problems) if problems.is_empty() => Ok(document),
            (_, problems) => Err(problems),
        }
    }

    /// Reads as much of `text` as can be read, so that what is wrong with its values can be told
    /// together with what is wrong with its form.
    ///
    /// There is no document when the text is no YAML at all, and then there is a problem.
    #[must_use]
    pub fn salvage(file: &str, text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        load::load(file, text)
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The value that everything else is in; null for an empty file.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// An error at `place`.
    #[must_use]
    pub fn error(&self, place: Place, message: impl Into<String>) -> Diagnostic {
        self.diagnostic(Level::Error, place, message.into())
    }

    /// A warning about `place`.
    #[must_use]
    pub fn warning(&self, place: Place, message: impl Into<String>) -> Diagnostic {
        self.diagnostic(Level::Warning, place, message.into())
    }

    fn diagnostic(&self, level: Level, place: Place, message: String) -> Diagnostic {
        let source_line = self.line(place.line).to_owned();
        let of_file = Diagnostic::of_file(self.file.clone(), message);
        Diagnostic {
            level,
            place: Some(place),
            source_line,
            ..of_file
        }
    }

    /// The line with this number, counted from 1, as the file has it; empty behind the last.
    #[must_use]
    pub fn line(&self, number: usize) -> &str {
        number
            .checked_sub(1)
            .and_then(|index| self.lines.get(index))
            .map_or("", String::as_str)
    }
}

impl Node {
    fn null(place: Place) -> Self {
        Self {
            place,
            content: Content::Null,
            scalar: None,
        }
    }

    /// Says of the value and all in it that an alias in this line brings it where it is used.
    fn use_in(&mut self, line: usize) {
        self.place.used_in = Some(line);
        match &mut self.content {
            Content::Sequence(items) => items.iter_mut().for_each(|item| item.use_in(line)),
            Content::Mapping(entries) => {
                for entry in entries {
                    entry.key.place.used_in = Some(line);
                    entry.value.use_in(line);
                }
            }
            _ => {}
        }
    }

    /// Where the value stands; a value of several lines counts with its first.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// What the value is.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The text, if the value is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if the value is one.
    #[must_use]
    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values, if the value has some.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// A key and its value, if there is one.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.as_mapping()?
            .iter()
            .find(|entry| entry.key.name == name)
    }

    /// What the file says for a value that is neither list nor mapping: with `${NAME}` in it and
    /// not what stood in the environment, so that it may be shown.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        self.scalar.as_ref().map(scalar::Scalar::written)
    }

    /// The text with the environment put in, where that was done; what it looks like to YAML does
    /// not matter. It may be a secret.
    pub(crate) fn inserted(&self) -> Option<&str> {
        self.scalar.as_ref().and_then(scalar::Scalar::inserted)
    }

    /// Whether something from the environment was put into the value; it may be a secret then.
    #[must_use]
    pub fn is_from_environment(&self) -> bool {
        self.scalar
            .as_ref()
            .is_some_and(scalar::Scalar::is_from_environment)
    }

    /// What kind of value this is, for a person.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Bool(true) => "`true`",
            Content::Bool(false) => "`false`",
            Content::Number(_) => "a number",
            Content::Text(_) => "text",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}

impl std::fmt::Debug for Document {
    /// Shows the form alone: the lines may hold secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Document");
        debug
            .field("file", &self.file)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Node {
    /// Values are equal wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl std::fmt::Debug for Content {
    /// Shows the form alone: texts may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => formatter.write_str("Null"),
            Self::Bool(_) => formatter.write_str("Bool"),
            Self::Number(_) => formatter.write_str("Number"),
            Self::Text(_) => formatter.write_str("Text"),
            Self::Sequence(items) => formatter.debug_list().entries(items).finish(),
            Self::Mapping(entries) => {
                let entries = entries.iter().map(|entry| (&entry.key.name, &entry.value));
                formatter.debug_map().entries(entries).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests;
