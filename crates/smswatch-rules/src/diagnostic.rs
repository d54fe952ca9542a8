//! A problem in a file: where it is, what it is, and what would be right.

use std::fmt;

use smswatch_model::turns_direction;

/// How many characters of a line are shown; a longer one is cut around the problem.
const MAX_WIDTH: usize = 120;

/// Whether a problem keeps the file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The file cannot be used.
    Error,
    /// The file can be used and probably does not do what was meant.
    Warning,
}

impl Level {
    /// The word that the problem begins with.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A stretch of one line of a file, counted in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The first character, from 1.
    pub column: usize,
    /// How many characters; 0 for a point.
    pub length: usize,
    /// The line of the alias that brings what stands here to where it is used; `None` if it is used
    /// where it stands.
    pub used_in: Option<usize>,
}

impl Place {
    /// The first character of a file.
    pub const START: Self = Self::at(1, 1, 0);

    /// What stands where it is used.
    pub(crate) const fn at(line: usize, column: usize, length: usize) -> Self {
        Self {
            line,
            column,
            length,
            used_in: None,
        }
    }
}

/// A problem in a file.
///
/// Shown, it ends without a line break:
///
/// ```text
/// error: no sink is named `oncal`
///   --> config/rules.yaml:14:21
///    |
/// 14 |     notify: [email, oncal]
///    |                     ^^^^^ sinks in smswatch.yaml: email, oncall
///
/// hint: did you mean `oncall`?
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be used despite the problem.
    pub level: Level,
    /// What is wrong, in lower case and without a period.
    pub message: String,
    /// The file, as the user named it.
    pub file: String,
    /// Where in the file. `None` if it is about the file as a whole.
    pub place: Option<Place>,
    /// The line as the file has it.
    pub source_line: String,
    /// What is shown beside the carets.
    pub label: Option<String>,
    /// What would be right.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error about a file as a whole, such as one that cannot be read.
    #[must_use]
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            file: file.into(),
            place: None,
            source_line: String::new(),
            label: None,
            hint: None,
        }
    }

    /// Shows `label` beside the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Shows `hint`, which says what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The place, what is wrong and what would be right, without the line of the file, in which a secret
    /// may stand.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let place = self
            .place
            .map(|place| format!(":{}:{}", place.line, place.column));
        let hint = self.hint.as_ref().map(|hint| format!(" ({hint})"));
        format!(
            "{}{}: {}{}",
            self.file,
            place.unwrap_or_default(),
            self.message,
            hint.unwrap_or_default()
        )
    }

    /// Whether the file cannot be used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.level.as_str(), self.message)?;
        match self.place {
            Some(place) => self.write_place(place, formatter)?,
            None => write!(formatter, "\n  --> {}", self.file)?,
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\n\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Diagnostic {
    fn write_place(&self, place: Place, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, .. } = place;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let excerpt = Excerpt::new(&self.source_line, place);
        let indent = " ".repeat(excerpt.offset);
        let carets = "^".repeat(excerpt.length);
        write!(formatter, "\n{gutter}--> {}:{line}:{column}", self.file)?;
        write!(formatter, "\n{gutter} |")?;
        write!(formatter, "\n{number} | {}", excerpt.text)?;
        write!(formatter, "\n{gutter} | {indent}{carets}")?;
        if let Some(label) = &self.label {
            write!(formatter, " {label}")?;
        }
        match place.used_in {
            Some(alias) => write!(formatter, "\n{gutter} = used by the alias in line {alias}"),
            None => Ok(()),
        }
    }
}

/// The part of a line that is shown.
struct Excerpt {
    text: String,
    /// How many characters stand before the place.
    offset: usize,
    length: usize,
}

impl Excerpt {
    fn new(line: &str, place: Place) -> Self {
        let characters: Vec<char> = line.trim_end().chars().map(printable).collect();
        let column = (place.column - 1).min(characters.len());
        let length = place.length.min(characters.len() - column).max(1);
        if characters.len() <= MAX_WIDTH {
            let text = characters.into_iter().collect();
            return Self {
                text,
                offset: column,
                length,
            };
        }
        let start = column
            .saturating_sub(MAX_WIDTH / 4)
            .min(characters.len() - MAX_WIDTH);
        let end = start + MAX_WIDTH;
        let mut text = String::new();
        if start > 0 {
            text.push('…');
        }
        text.extend(&characters[start..end]);
        if end < characters.len() {
            text.push('…');
        }
        let offset = column - start + usize::from(start > 0);
        Self {
            text,
            offset,
            length: length.min(end - column).max(1),
        }
    }
}

/// One column for each character: a tab would move the carets away from their place.
fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        hidden if hidden.is_control() || turns_direction(hidden) => '\u{FFFD}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source_line: &str, column: usize, length: usize) -> Diagnostic {
        Diagnostic {
            place: Some(Place {
                line: 14,
                column,
                length,
                used_in: None,
            }),
            source_line: source_line.to_owned(),
            ..Diagnostic::of_file("config/rules.yaml", "no sink is named `oncal`")
        }
    }

    #[test]
    fn a_problem_is_shown_with_its_place_line_and_hint() {
        let problem = at("    notify: [email, oncal]", 21, 5)
            .label("sinks in smswatch.yaml: email, oncall")
            .hint("did you mean `oncall`?");
        insta::assert_snapshot!(problem, @r"
        error: no sink is named `oncal`
          --> config/rules.yaml:14:21
           |
        14 |     notify: [email, oncal]
           |                     ^^^^^ sinks in smswatch.yaml: email, oncall

        hint: did you mean `oncall`?
        ");
    }

    #[test]
    fn a_tab_takes_one_column_and_a_place_behind_the_line_gets_one_caret() {
        insta::assert_snapshot!(at("\tx: é→y", 7, 9), @r"
        error: no sink is named `oncal`
          --> config/rules.yaml:14:7
           |
        14 |  x: é→y
           |       ^
        ");
        insta::assert_snapshot!(at("x:", 4, 0), @r"
        error: no sink is named `oncal`
          --> config/rules.yaml:14:4
           |
        14 | x:
           |   ^
        ");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(400), "b".repeat(400));
        insta::assert_snapshot!(at(&line, 401, 4), @r"
        error: no sink is named `oncal`
          --> config/rules.yaml:14:401
           |
        14 | …aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaHEREbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
           |                                ^^^^
        ");
        insta::assert_snapshot!(at(&line, 1, 900), @r"
        error: no sink is named `oncal`
          --> config/rules.yaml:14:1
           |
        14 | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        ");
    }

    #[test]
    fn a_problem_of_the_whole_file_names_the_file() {
        insta::assert_snapshot!(Diagnostic::of_file("smswatch.yaml", "could not be read"), @r"
        error: could not be read
          --> smswatch.yaml
        ");
    }
}
