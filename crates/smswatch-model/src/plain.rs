//! Values as texts write them: words from outside, and instants.

use crate::{Timestamp, turns_direction};

/// How long a word from outside may get, in characters.
const MAX_WORD: usize = 200;

/// A text from outside as one line of bounded length.
#[must_use]
pub fn plain_word(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_shown = |letter: &char| !letter.is_control() && !turns_direction(*letter);
    let mut line: String = line.chars().filter(is_shown).collect();
    if let Some((end, _)) = line.char_indices().nth(MAX_WORD) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// An instant such as `2026-05-01 10:28:49 UTC`.
#[must_use]
pub fn plain_instant(time: Timestamp) -> String {
    Timestamp::from_seconds(time.as_seconds())
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}
