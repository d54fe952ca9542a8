//! Messages as people keep them in files: ids, one a line; tables with a header; JSON, one object a line. A file is
//! read piece by piece, however long it is.

mod form;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use smswatch_api::watches::MessageToWatch;
use smswatch_plugin::model::Tags;

use self::form::{Form, Found};
use crate::report::WrongUsage;

/// How many problems of one piece are told.
const MOST_TOLD: usize = 5;

/// Where messages are read from.
type Source = Box<dyn BufRead>;

/// The messages of a file.
pub(super) struct Rows {
    name: String,
    form: Form,
    /// What stands before this line is left out.
    from_line: u64,
    /// What every message gets as well.
    tags: Tags,
}

/// Some messages that follow one another.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) messages: Vec<MessageToWatch>,
    /// The line of the first of them.
    pub(super) first_line: u64,
    /// The line of the last of them.
    pub(super) last_line: u64,
}

impl Rows {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(file: &Path, from_line: u64, tags: Tags) -> anyhow::Result<Self> {
        if file == Path::new("-") {
            let source = Box::new(BufReader::new(io::stdin()));
            return Self::read("standard input".to_owned(), source, from_line, tags);
        }
        let name = file.display().to_string();
        let opened = File::open(file).with_context(|| format!("could not read {name}"))?;
        Self::read(name, Box::new(BufReader::new(opened)), from_line, tags)
    }

    /// Finds out what form the list called `name` has, by its first line that says something.
    fn read(name: String, mut source: Source, from_line: u64, tags: Tags) -> anyhow::Result<Self> {
        let mut n_lines = 0;
        let mut line = Vec::new();
        let first = loop {
            line.clear();
            let read = source.read_until(b'\n', &mut line);
            if read.with_context(|| format!("could not read {name}"))? == 0 {
                break String::new();
            }
            n_lines += 1;
            if n_lines == 1 {
                if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
                    let what = format!("{name} is UTF-16 text; save it as UTF-8");
                    return Err(WrongUsage::new(what).into());
                }
                if line.starts_with(b"\xef\xbb\xbf") {
                    line.drain(..3);
                }
            }
            let text = String::from_utf8_lossy(&line);
            if !form::says_nothing(text.trim()) {
                break text.into_owned();
            }
        };
        // The line is read again, in its form.
        let source = Box::new(Cursor::new(line).chain(source));
        let form = Form::of(&first, source, n_lines.max(1) - 1);
        let form = form.map_err(|what| WrongUsage::new(format!("{name}:{n_lines}: {what}")))?;
        Ok(Self {
            name,
            form,
            from_line,
            tags,
        })
    }

    /// The next messages, at most `most`; none at the end.
    ///
    /// # Errors
    ///
    /// A line is no message, with its number; all of the first few such lines are named. Or the file cannot be read.
    pub(super) fn piece(&mut self, most: usize) -> anyhow::Result<Piece> {
        let mut piece = Piece::default();
        let (mut problems, mut n_lines) = (Vec::new(), 0);
        while n_lines < most {
            let found = self.form.next();
            let found = found.with_context(|| format!("could not read {}", self.name))?;
            let Some(Found { line, message }) = found else {
                break;
            };
            if line < self.from_line {
                continue;
            }
            if n_lines == 0 {
                piece.first_line = line;
            }
            n_lines += 1;
            piece.last_line = line;
            match message {
                Ok(mut message) => {
                    message.tags.extend(self.tags.clone());
                    piece.messages.push(message);
                }
                Err(what) => problems.push(format!("{}:{line}: {what}", self.name)),
            }
        }
        match problems.is_empty() {
            true => Ok(piece),
            false => Err(self.refused(problems, &piece)),
        }
    }

    fn refused(&self, mut problems: Vec<String>, piece: &Piece) -> anyhow::Error {
        let more = problems.len().saturating_sub(MOST_TOLD);
        problems.truncate(MOST_TOLD);
        if more > 0 {
            let lines = if more == 1 { "line" } else { "lines" };
            problems.push(format!("{}: and {more} more such {lines}", self.name));
        }
        problems.push(format!(
            "nothing of lines {} to {} was sent; {}",
            piece.first_line,
            piece.last_line,
            self.form.rule()
        ));
        anyhow!(WrongUsage::new(problems.join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> anyhow::Result<Rows> {
        let source = Box::new(Cursor::new(text.to_vec()));
        let tags = Tags::from([("by".to_owned(), "me".to_owned())]);
        Rows::read("ids.txt".to_owned(), source, 1, tags)
    }

    fn told(text: &[u8]) -> String {
        let piece = rows(text).and_then(|mut rows| rows.piece(100));
        match piece {
            Ok(piece) => {
                let messages = piece.messages.iter();
                let messages =
                    messages.map(|message| serde_json::to_string(message).expect("JSON"));
                messages.collect::<Vec<_>>().join("\n")
            }
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn what_editors_add_does_not_matter() {
        let text = "\u{feff}m-1\r\n\r\n  m-2\t\n# from the night shift\n#\nm#3\nm-4";
        let mut rows = rows(text.as_bytes()).expect("a list");
        let piece = rows.piece(3).expect("ids");
        let ids = |piece: &Piece| {
            let messages = piece.messages.iter();
            messages
                .map(|message| message.message_id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (ids(&piece), piece.last_line),
            (vec!["m-1".into(), "m-2".into(), "m#3".into()], 6)
        );
        let piece = rows.piece(3).expect("ids");
        assert_eq!((ids(&piece), piece.first_line), (vec!["m-4".to_owned()], 7));
        assert_eq!(rows.piece(3).expect("the end").messages, []);
        assert_eq!(told(b"\xef\xbb\xbf"), "");
    }

    #[test]
    fn a_table_has_its_tags_in_its_columns() {
        let table = "\u{feff}team;trackingId;note\ncrm;m-1;\"a; b\"\n;m-2;\n\nops;m-3;x\n";
        insta::assert_snapshot!(told(table.as_bytes()));
    }

    #[test]
    fn json_has_its_tags_in_its_fields() {
        let lines = concat!(
            r#"{"message_id":"m-1","team":"crm","priority":7,"tags":{"a":"b"},"note":null}"#,
            "\n",
            r#"{"id":"m-2"}"#
        );
        insta::assert_snapshot!(told(lines.as_bytes()));
    }

    #[test]
    fn what_is_no_message_is_told_with_its_line() {
        let all = [
            "m-1\nm-2,crm\nm-3;crm\nm-4\tcrm\n\"m-5\"\nm 6\nm-7\u{a0}é\n",
            "smsId\nm-1\n",
            "team,name\ncrm,x\n",
            "id,team\nm-1,crm\nm-2\n,ops\nm 3,ops\n",
            "[\n  {\"id\": \"m-1\"}\n]\n",
            "[{\"id\": \"m-1\"}, {\"id\": \"m-2\"}]\n",
            "{\"id\":\"m-1\"}\n{\"id\":7}\nm-3\n{\"team\":\"crm\"}\n{\"id\":\"m-5\",\"to\":{}}\n",
        ];
        let all = all.map(|text| told(text.as_bytes()));
        insta::assert_snapshot!(all.join("\n\n"));
        let told_of = |bytes: &[u8]| told(bytes);
        assert!(told_of(b"m-1\nm\xff2").starts_with("ids.txt:2: "));
        let utf_16 = told_of(b"\xff\xfem\0-\x001\0");
        assert_eq!(utf_16, "ids.txt is UTF-16 text; save it as UTF-8");
    }

    #[test]
    fn what_stands_before_a_line_is_left_out() {
        let source = || {
            Box::new(Cursor::new(
                b"# ids\nid,team\nm-1,a\nm-2,b\nm-3,c\n".to_vec(),
            ))
        };
        let rows = Rows::read("ids.csv".to_owned(), source(), 4, Tags::new());
        let piece = rows.expect("a table").piece(10).expect("messages");
        assert_eq!(
            (piece.messages.len(), piece.first_line, piece.last_line),
            (2, 4, 5)
        );
        assert_eq!(piece.messages[0].message_id, "m-2");
    }
}
