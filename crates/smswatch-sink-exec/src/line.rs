//! The one line that is kept of all that a program says: its first of a success, its last of a failure.

use smswatch_plugin::Redactor;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How many bytes of a line are kept.
const KEPT: usize = 1024;

/// How many bytes are read at once.
const CHUNK: usize = 4096;

/// Which line is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first one with something in it.
    First,
    /// The last one with something in it.
    Last,
}

/// The beginning of one line of what a program says.
#[derive(Debug)]
pub(crate) struct Line {
    which: Which,
    kept: Part,
    /// The line that is being read.
    current: Part,
}

/// The beginning of a line, and whether there was more.
#[derive(Debug, Default)]
struct Part {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Part {
    fn is_blank(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }
}

impl Line {
    pub(crate) fn new(which: Which) -> Self {
        Self {
            which,
            kept: Part::default(),
            current: Part::default(),
        }
    }

    /// Reads all that comes, to its end, whatever its size: a program that writes must not have to wait.
    pub(crate) async fn read(&mut self, mut from: impl AsyncRead + Unpin) {
        let mut chunk = [0; CHUNK];
        // A pipe that breaks is one that has ended.
        while let Ok(length) = from.read(&mut chunk).await
            && length > 0
        {
            self.take(&chunk[..length]);
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT - self.current.bytes.len();
            self.current
                .bytes
                .extend_from_slice(&piece[..piece.len().min(room)]);
            self.current.is_cut |= piece.len() > room;
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.current);
        let is_wanted = self.which == Which::Last || self.kept.is_blank();
        if is_wanted && !line.is_blank() {
            self.kept = line;
        }
    }

    /// The line without credentials; empty if there is none.
    pub(crate) fn text(mut self, redactor: &Redactor) -> String {
        self.end_line();
        let text = String::from_utf8_lossy(&self.kept.bytes);
        let clean = match self.kept.is_cut {
            // The cut may have hit a character.
            true => redactor.clean_cut(text.trim_end_matches(char::REPLACEMENT_CHARACTER)),
            false => redactor.clean(&text),
        };
        clean.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(which: Which, chunks: &[&str]) -> String {
        let mut line = Line::new(which);
        for chunk in chunks {
            line.take(chunk.as_bytes());
        }
        let mut redactor = Redactor::default();
        redactor.hide("hunter2");
        line.text(&redactor)
    }

    #[test]
    fn the_first_or_the_last_line_with_something_in_it_is_kept() {
        let said = ["\n  \none ", "line\r\ntwo\n", "three with hunter2\n \n"];
        assert_eq!(kept(Which::First, &said), "one line");
        assert_eq!(kept(Which::Last, &said), "three with [hidden]");
        assert_eq!(kept(Which::Last, &["no end"]), "no end");
        assert_eq!(kept(Which::First, &[]), "");
    }

    #[test]
    fn little_of_a_long_line_is_kept_and_no_part_of_a_credential_at_its_end() {
        let long = "x".repeat(KEPT - 3);
        let said = kept(Which::Last, &["short\n", &long, "hunter2 and more"]);
        assert_eq!(said, format!("{long}[hidden]"));
        let endless = vec!["y"; 10 * KEPT];
        assert_eq!(kept(Which::First, &endless).len(), KEPT);
    }
}
