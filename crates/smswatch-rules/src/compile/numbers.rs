//! Checks patterns for telephone numbers: whether any number looks like that as events show it.

use smswatch_model::PhoneNumber;

use super::Compiler;
use crate::diagnostic::Place;

impl Compiler<'_> {
    /// Reports a pattern that no number fits, whatever number it is.
    pub(super) fn check_number_pattern(&mut self, text: &str, place: Place) {
        let (negation, pattern) = match text.strip_prefix('!') {
            Some(pattern) => ("!", pattern),
            None => ("", text),
        };
        let is_regex = pattern.starts_with('/');
        if !is_regex && !pattern.contains('*') {
            return;
        }
        if pattern.starts_with(|first: char| first.is_ascii_digit()) {
            let problem = self.error(place, "every number begins with `+` here");
            problem.hint = Some(format!("write `\"{negation}+{pattern}\"`"));
            return;
        }
        if !self.options.numbers_are_masked {
            return;
        }
        let hint = "match the whole number, which is compared by its keyed hash, or set `privacy.numbers: full`";
        let label = "events show a number as `+3069******01`";
        let problem = if is_regex {
            if longest_run(pattern) <= PhoneNumber::MOST_SHOWN.0 {
                return;
            }
            self.warning(place, "this asks for digits that are hidden")
        } else {
            if fits_a_masked_number(pattern) {
                return;
            }
            self.error(place, "this asks for digits that are hidden")
        };
        problem.label = Some(label.to_owned());
        problem.hint = Some(hint.to_owned());
    }
}

/// Whether a glob asks for no more digits than a masked number shows in front and at its end.
fn fits_a_masked_number(glob: &str) -> bool {
    let digits = |piece: &str| piece.chars().filter(char::is_ascii_digit).count();
    let (front, end) = PhoneNumber::MOST_SHOWN;
    let pieces: Vec<usize> = glob.split('*').map(digits).collect();
    match pieces.as_slice() {
        [head, middle @ .., tail] => {
            *head <= front && *tail <= end && middle.iter().all(|piece| *piece <= front)
        }
        _ => true,
    }
}

/// How many digits follow one another at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|character: char| !character.is_ascii_digit());
    runs.map(str::len).max().unwrap_or_default()
}
