//! The forms that lists of messages have: lines of ids, tables, lines of JSON.

use std::io;

use csv::{ReaderBuilder, StringRecord, Trim};
use serde_json::Value;
use smswatch_api::watches::MessageToWatch;
use smswatch_plugin::model::{MessageId, Tags};

use super::Source;
use crate::plain::plain;

/// How spreadsheets set columns apart, and what they put around text.
const OF_TABLES: [(char, &str); 4] = [
    (',', "a comma"),
    (';', "a semicolon"),
    ('\t', "a tab"),
    ('"', "a quotation mark"),
];

/// Headings that columns of message ids have, in lower case and without what sets their words apart, the surest first.
const HEADINGS: [&str; 3] = ["messageid", "trackingid", "id"];

/// A heading of ids of parts, which are no ids of messages.
const OF_PARTS: &str = "smsid";

/// A list in one of the forms.
pub(super) enum Form {
    Ids(Lines),
    Json(Lines),
    Table(Table),
}

/// A line, and the message that it names, or why it names none.
pub(super) struct Found {
    pub(super) line: u64,
    pub(super) message: Result<MessageToWatch, String>,
}

/// A source that is read line by line.
pub(super) struct Lines {
    source: Source,
    line: u64,
}

/// A table with a header.
pub(super) struct Table {
    reader: csv::Reader<Source>,
    headings: Vec<String>,
    /// The number of the column with the ids.
    of_ids: usize,
    /// How many lines stand before the header.
    n_before: u64,
}

/// Whether a line is blank, or a comment.
pub(super) fn says_nothing(line: &str) -> bool {
    line.is_empty() || line == "#" || line.starts_with("# ")
}

impl Form {
    /// The form of a list whose first line that says something is `first`. `source` begins with that line, and
    /// `n_before` lines stand before it.
    pub(super) fn of(first: &str, source: Source, n_before: u64) -> Result<Self, String> {
        let first = first.trim();
        let lines = |source| Lines {
            source,
            line: n_before,
        };
        if first.starts_with('{') {
            return Ok(Self::Json(lines(source)));
        }
        let inside = first.strip_prefix('[').map(str::trim_start);
        if inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['{', '"', ']'])) {
            let rule =
                "a JSON array is not read; write one JSON object a line, as `jq -c '.[]'` does";
            return Err(rule.to_owned());
        }
        let separators = [',', ';', '\t'];
        let separator = separators
            .into_iter()
            .max_by_key(|separator| first.matches(*separator).count());
        let separator = separator.filter(|separator| first.contains(*separator));
        let headings: Vec<String> = match separator {
            Some(separator) => first.split(separator).map(heading).collect(),
            None => vec![heading(first)],
        };
        let wanted = HEADINGS.iter();
        let mut of_ids = wanted.filter_map(|name| headings.iter().position(|it| it == name));
        match of_ids.next() {
            Some(of_ids) => Table::read(source, separator.unwrap_or(','), of_ids, n_before),
            None if headings.iter().any(|it| it == OF_PARTS) => Err(
                "ids of parts are not ids of messages; call the column with those `message_id`"
                    .to_owned(),
            ),
            None if separator.is_some() => Err(format!(
                "`{}` is not a header with a column of ids; call that `message_id`, `trackingId` or `id`",
                shown(first)
            )),
            None => Ok(Self::Ids(lines(source))),
        }
    }

    /// What such a list looks like.
    pub(super) fn rule(&self) -> &'static str {
        match self {
            Self::Ids(_) => "such a list has one id a line and nothing else, or a header",
            Self::Json(_) => "such a list has one JSON object a line, with a `message_id`",
            Self::Table(_) => "such a table has as many columns in each line as in its header",
        }
    }

    /// The next line that says something; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        match self {
            Self::Ids(lines) => lines.next(of_id),
            Self::Json(lines) => lines.next(of_json),
            Self::Table(table) => table.next(),
        }
    }
}

impl Lines {
    fn next(
        &mut self,
        read: impl FnOnce(&str) -> Result<MessageToWatch, String>,
    ) -> io::Result<Option<Found>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.source.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let text = String::from_utf8_lossy(&bytes);
            // A tab inside a line is reported as such; one around an id is not part of it.
            let text = text.trim();
            if !says_nothing(text) {
                let (line, message) = (self.line, read(text));
                return Ok(Some(Found { line, message }));
            }
        }
    }
}

impl Table {
    fn read(source: Source, separator: char, of_ids: usize, n_before: u64) -> Result<Form, String> {
        let separator = u8::try_from(separator).expect("separators are ASCII");
        let mut reader = ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(source);
        let headings = reader.headers().map_err(|error| error.to_string())?;
        let headings = headings.iter().map(str::to_owned).collect();
        Ok(Form::Table(Self {
            reader,
            headings,
            of_ids,
            n_before,
        }))
    }

    fn next(&mut self) -> io::Result<Option<Found>> {
        let mut record = StringRecord::new();
        let read = self.reader.read_record(&mut record);
        let position = record.position().or(Some(self.reader.position()));
        let line = self.n_before + position.map_or(0, csv::Position::line);
        let message = match read {
            Ok(false) => return Ok(None),
            Ok(true) => self.message(&record),
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) => return Err(error),
                csv::ErrorKind::Utf8 { .. } => Err("it is not UTF-8".to_owned()),
                _ => Err("it is not a line of a table".to_owned()),
            },
        };
        Ok(Some(Found { line, message }))
    }

    fn message(&self, record: &StringRecord) -> Result<MessageToWatch, String> {
        if record.len() != self.headings.len() {
            return Err(format!(
                "it has another number of columns ({}) than the header ({})",
                record.len(),
                self.headings.len()
            ));
        }
        let message_id = checked(record.get(self.of_ids).unwrap_or_default())?;
        let columns = self.headings.iter().zip(record).enumerate();
        let tags = columns.filter(|(at, (name, value))| {
            *at != self.of_ids && !name.is_empty() && !value.is_empty()
        });
        let tags = tags.map(|(_, (name, value))| (name.clone(), value.to_owned()));
        Ok(MessageToWatch {
            message_id,
            tags: tags.collect(),
        })
    }
}

fn of_id(line: &str) -> Result<MessageToWatch, String> {
    if let Some((_, what)) = OF_TABLES.iter().find(|(sign, _)| line.contains(*sign)) {
        let shown = shown(line);
        return Err(format!(
            "`{shown}` has {what}, as a table has, and is not an id"
        ));
    }
    Ok(MessageToWatch {
        message_id: checked(line)?,
        tags: Tags::new(),
    })
}

fn of_json(line: &str) -> Result<MessageToWatch, String> {
    let object: Value =
        serde_json::from_str(line).map_err(|error| format!("it is not JSON: {error}"))?;
    let Value::Object(object) = object else {
        return Err("it is not a JSON object".to_owned());
    };
    let wanted = HEADINGS.iter();
    let mut names = wanted.filter_map(|name| object.keys().find(|key| heading(key) == *name));
    let of_id = names.next().ok_or("it has no `message_id`")?.clone();
    let Some(Value::String(id)) = object.get(&of_id) else {
        return Err(format!("`{of_id}` is not a string"));
    };
    let message_id = checked(id)?;
    let mut tags = Tags::new();
    for (name, value) in &object {
        match value {
            _ if *name == of_id => {}
            Value::Object(given) if name == "tags" => {
                for (name, value) in given {
                    let value = scalar(value).ok_or(format!("`tags.{name}` is not a string"))?;
                    tags.insert(name.clone(), value);
                }
            }
            Value::Null => {}
            value => {
                let value = scalar(value).ok_or(format!(
                    "`{name}` is not a string, number or boolean, as a tag is"
                ))?;
                tags.insert(name.clone(), value);
            }
        }
    }
    Ok(MessageToWatch { message_id, tags })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A heading in lower case, without what sets its words apart.
fn heading(text: &str) -> String {
    let word: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    word.to_ascii_lowercase()
}

fn checked(id: &str) -> Result<String, String> {
    let checked = MessageId::new(id);
    checked
        .map(|_| id.to_owned())
        .map_err(|error| format!("`{}`: {error}", shown(id)))
}

/// A text, as much of it as fits a line of a terminal.
fn shown(text: &str) -> String {
    plain(&text.replace('\t', " ")).chars().take(60).collect()
}
