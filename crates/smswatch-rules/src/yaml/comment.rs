//! Finds an unquoted `#` that turned a value into a comment, as in `channel: #sms`.

use super::scalar::quoted;
use super::{Document, Key};
use crate::diagnostic::{Diagnostic, Place};

impl Document {
    /// What to write in place of a value that an unquoted `#` directly behind `key` has made a comment
    /// of; `None` if there is no such `#`.
    #[must_use]
    pub fn comment_hint(&self, key: &Key) -> Option<String> {
        let Place {
            line,
            column,
            length,
            ..
        } = key.place;
        let behind: String = self.line(line).chars().skip(column - 1 + length).collect();
        let value = behind.trim_start().strip_prefix(':')?.trim_start();
        let is_word = value.strip_prefix('#')?.starts_with(char::is_alphanumeric);
        let word = value.split_whitespace().next()?;
        is_word.then(|| {
            let quoted = quoted(word);
            format!(
                "an unquoted `#` begins a comment: write `{}: {quoted}`",
                key.name
            )
        })
    }
}

/// An unquoted `#` in or shortly before a line that cannot be read: what it was meant to close is open.
pub(super) fn in_brackets(document: &Document, line: usize) -> Option<Diagnostic> {
    let lines = (line.saturating_sub(2).max(1)..=line).rev();
    lines.into_iter().find_map(|number| {
        let text = document.line(number);
        let characters: Vec<char> = text.chars().collect();
        let start = unquoted_hash(&characters)?;
        let word: String = characters[start..]
            .iter()
            .take_while(|character| !character.is_whitespace() && !",]}".contains(**character))
            .collect();
        let place = Place::at(number, start + 1, word.chars().count());
        let problem = document.error(place, "an unquoted `#` begins a comment");
        Some(problem.hint(format!("quote it: {}", quoted(&word))))
    })
}

/// Where a `#` that belongs to a word begins a comment inside of brackets.
fn unquoted_hash(characters: &[char]) -> Option<usize> {
    let (mut depth, mut quote, mut before) = (0_usize, None, ' ');
    for (position, character) in characters.iter().copied().enumerate() {
        match (quote, character) {
            (Some(open), character) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, '#') if before.is_whitespace() || "[{,".contains(before) => {
                let next = characters.get(position + 1);
                let is_word = next.is_some_and(|next| next.is_alphanumeric());
                return (depth > 0 && is_word).then_some(position);
            }
            _ => {}
        }
        before = character;
    }
    None
}
