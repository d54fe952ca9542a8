//! What a text must look like: words, globs, regular expressions and their negations.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use smswatch_model::PhoneNumber;

/// The keyed hash of a telephone number in its one form (`+306900000001`), as events carry it in
/// `to_key`.
pub type NumberKey = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How much memory a compiled regular expression may take, in bytes.
const MAX_REGEX: usize = 1 << 20;

/// The patterns behind one key: all negations must hold, and one of the others where there are some.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    any: Vec<Test>,
    none: Vec<Test>,
    /// The patterns as they are written, for people.
    written: Vec<String>,
}

/// What one pattern asks.
#[derive(Debug, Clone)]
enum Test {
    /// No value, or an empty one.
    Empty,
    /// This word, in lower case.
    Word(String),
    /// A whole telephone number and its keyed hash.
    Number { number: String, key: String },
    /// A glob or a regular expression.
    Regex(Regex),
}

/// Why a text cannot be used as a pattern.
#[derive(Debug)]
pub(crate) struct BadPattern {
    pub(crate) message: String,
    pub(crate) label: Option<String>,
    pub(crate) hint: Option<String>,
}

/// A pattern as `match` has them, for any text: a text, a glob, a regular expression, or what it is not.
#[derive(Debug, Clone)]
pub struct TextPattern(Patterns);

impl TextPattern {
    /// Takes a pattern as it is written.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let mut patterns = Patterns::default();
        let added = patterns.add(pattern, pattern, None);
        added.map_err(|bad| match bad.label {
            Some(label) => format!("{}: {label}", bad.message),
            None => bad.message,
        })?;
        Ok(Self(patterns))
    }

    /// Whether `text` is what the pattern asks for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let text = Some(text);
        self.0.hold(Subject { text, key: None })
    }
}

/// A value that is compared with patterns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) text: Option<&'a str>,
    /// The keyed hash of the value, where it is a telephone number.
    pub(crate) key: Option<&'a str>,
}

impl Patterns {
    /// Adds a pattern, which is shown as `written`.
    pub(crate) fn add(
        &mut self,
        pattern: &str,
        written: &str,
        number_key: Option<&NumberKey>,
    ) -> Result<(), BadPattern> {
        let (is_negated, positive) = match pattern.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let test = Test::compile(positive, number_key)?;
        if is_negated {
            self.none.push(test)
        } else {
            self.any.push(test)
        }
        self.written
            .push(if written.is_empty() { "\"\"" } else { written }.to_owned());
        Ok(())
    }

    /// Whether there is no pattern at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether they hold where there is no value.
    pub(crate) fn accept_nothing(&self) -> bool {
        self.hold(Subject {
            text: None,
            key: None,
        })
    }

    pub(crate) fn hold(&self, subject: Subject<'_>) -> bool {
        !self.none.iter().any(|test| test.fits(subject))
            && (self.any.is_empty() || self.any.iter().any(|test| test.fits(subject)))
    }

    /// Whether they hold of a set: no member fits a negation, and one member fits another pattern.
    pub(crate) fn hold_of_any(&self, members: &[String]) -> bool {
        let fits = |test: &Test| match members {
            [] => test.fits(Subject {
                text: None,
                key: None,
            }),
            some => some.iter().any(|member| {
                test.fits(Subject {
                    text: Some(member),
                    key: None,
                })
            }),
        };
        !self.none.iter().any(fits) && (self.any.is_empty() || self.any.iter().any(fits))
    }

    /// The patterns as a person reads them.
    pub(crate) fn words(&self) -> String {
        let list = self.written.join(", ");
        if self.written.len() > 1 && !self.any.is_empty() {
            format!("one of {list}")
        } else {
            list
        }
    }

    /// The words of which one is wanted, in lower case; `None` if something else may fit, too.
    pub(crate) fn wanted_words(&self) -> Option<Vec<&str>> {
        let words = self.any.iter().map(|test| match test {
            Test::Word(word) => Some(word.as_str()),
            Test::Empty | Test::Number { .. } | Test::Regex(_) => None,
        });
        let words: Option<Vec<&str>> = words.collect();
        words.filter(|words| !words.is_empty())
    }

    /// Whether there are words alone, which are quickly compared.
    pub(crate) fn are_words(&self) -> bool {
        self.any
            .iter()
            .chain(&self.none)
            .all(|test| !matches!(test, Test::Regex(_)))
    }

    /// Whether no value fits both, as far as their words tell.
    pub(crate) fn exclude(&self, other: &Self) -> bool {
        let all_miss = |one: &Self, other: &Self| {
            let misses = |test: &Test| match test {
                Test::Word(word) => !other.hold(Subject {
                    text: Some(word),
                    key: None,
                }),
                Test::Empty | Test::Number { .. } | Test::Regex(_) => false,
            };
            !one.any.is_empty() && one.any.iter().all(misses)
        };
        all_miss(self, other) || all_miss(other, self)
    }

    /// Whether everything that is wanted is also ruled out.
    pub(crate) fn is_contradiction(&self) -> bool {
        let is_ruled_out = |test: &Test| match test {
            Test::Empty => self.none.iter().any(|other| matches!(other, Test::Empty)),
            Test::Word(word) => self
                .none
                .iter()
                .any(|other| matches!(other, Test::Word(other) if other == word)),
            Test::Number { .. } | Test::Regex(_) => false,
        };
        !self.any.is_empty() && self.any.iter().all(is_ruled_out)
    }
}

impl Test {
    fn compile(text: &str, number_key: Option<&NumberKey>) -> Result<Self, BadPattern> {
        if text.is_empty() {
            return Ok(Self::Empty);
        }
        if let Some(rest) = text.strip_prefix('/') {
            let Some(regex) = rest.strip_suffix('/').filter(|regex| !regex.is_empty()) else {
                return Err(BadPattern {
                    message: "a regular expression needs a `/` at both ends".to_owned(),
                    label: None,
                    hint: Some(format!(
                        "write `/{}/`; for text that begins with `/`, write `/^{}$/`",
                        rest.trim_end_matches('/'),
                        regex::escape(text),
                    )),
                });
            };
            return regex_of(regex);
        }
        if let Some(number_key) = number_key.filter(|_| PhoneNumber::looks_like_one(text)) {
            let number = PhoneNumber::new(text).reveal().to_owned();
            let key = number_key(&number);
            return Ok(Self::Number { number, key });
        }
        if text.contains('*') {
            let pieces: Vec<String> = text.split('*').map(regex::escape).collect();
            return regex_of(&format!("(?s)^{}$", pieces.join(".*")));
        }
        Ok(Self::Word(lowered(text).collect()))
    }

    fn fits(&self, subject: Subject<'_>) -> bool {
        let Some(text) = subject.text else {
            return matches!(self, Self::Empty);
        };
        match self {
            Self::Empty => text.is_empty(),
            Self::Word(word) => {
                text.eq_ignore_ascii_case(word)
                    || !text.is_ascii() && lowered(text).eq(word.chars())
            }
            Self::Number { number, key } => text == number || subject.key == Some(key),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

fn regex_of(text: &str) -> Result<Test, BadPattern> {
    let regex = RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(MAX_REGEX)
        .build();
    regex.map(Test::Regex).map_err(|error| {
        let (label, hint) = match &error {
            regex::Error::CompiledTooBig(_) => (
                "it is too large".to_owned(),
                Some("repeat fewer times, or use a glob: `otp-*`".to_owned()),
            ),
            error => (last_line(&error.to_string()), None),
        };
        BadPattern {
            message: "invalid regular expression".to_owned(),
            label: Some(label),
            hint,
        }
    })
}

/// The reason, which the regex crate tells below a drawing of the place.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

/// A text as it is compared: case does not matter.
pub(crate) fn lowered(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

impl PartialEq for Patterns {
    /// Patterns are equal that are written alike.
    fn eq(&self, other: &Self) -> bool {
        let sorted = |patterns: &Self| {
            let mut written = patterns.written.clone();
            written.sort();
            written
        };
        sorted(self) == sorted(other)
    }
}
