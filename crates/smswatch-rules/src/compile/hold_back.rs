//! Compiles the `match` of silences and maintenance windows: the keys of a rule's, and those that say who
//! would tell whom.

use std::sync::Arc;

use serde_json::Value;
use smswatch_model::{EventKind, FaultTable, Severity};
use smswatch_plugin::rules::{CompiledMatch, InvalidMatch};

use super::conditions::sort;
use super::{Compiler, Options, SEVERITIES, shown};
use crate::condition::Condition;
use crate::diagnostic::Diagnostic;
use crate::event_word::{KINDS, RATE};
use crate::field::{Field, MATCH_KEYS, MatchKey};
use crate::hold_back::{Matching, Silencing, TELLING_KEYS, TellingKey};
use crate::yaml::{Content, Document, Entry, Node};
use smswatch_template::did_you_mean;

/// Compiles the `match` of a silence, which came as JSON.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(crate) fn compile_match(
    matching: &Value,
    silencing: &Silencing,
) -> Result<CompiledMatch, InvalidMatch> {
    // Every JSON text is YAML.
    let document = Document::parse("silence", &matching.to_string());
    let document = document.map_err(|problems| {
        InvalidMatch(problems.iter().map(|one| sentence(None, one)).collect())
    })?;
    let Some(entries) = document.root().as_mapping() else {
        let found = document.root().kind();
        let problem = format!("`match`: expected an object with conditions, found {found}");
        return Err(InvalidMatch(vec![problem]));
    };
    let options = Options {
        sinks: &[],
        with_fallback: &[],
        sinks_file: "",
        check_overrides: &|_, _| Vec::new(),
        number_key: &silencing.number_key,
        texts_are_kept: silencing.texts_are_kept,
        numbers_are_masked: silencing.numbers_are_masked,
        give_up_after: None,
        faults: &FaultTable::default(),
    };
    let mut compiler = Compiler::new(&document, &options);
    let (mut compiled, mut errors, mut warnings) = (Matching::default(), Vec::new(), Vec::new());
    for entry in entries {
        compiler.hold_back(entry, &mut compiled);
        compiler.check_tag(&entry.key.name, entry.key.place, &silencing.tags);
        for problem in compiler.problems.drain(..) {
            let sentence = sentence(Some(&entry.key.name), &problem);
            match problem.is_error() {
                true => errors.push(sentence),
                false => warnings.push(sentence),
            }
        }
    }
    sort(&mut compiled.conditions);
    if !errors.is_empty() {
        return Err(InvalidMatch(errors));
    }
    Ok(CompiledMatch {
        hold_back: Arc::new(compiled),
        warnings,
    })
}

/// A problem without its place, with the key that it is about.
fn sentence(key: Option<&str>, problem: &Diagnostic) -> String {
    let key = key.map_or_else(|| "`match`".to_owned(), |key| format!("`match.{key}`"));
    let more = [&problem.label, &problem.hint].into_iter().flatten();
    more.fold(format!("{key}: {}", problem.message), |words, more| {
        format!("{words}; {more}")
    })
}

impl Compiler<'_> {
    /// All conditions of a `match`; `tags` are the names that the rules use.
    pub(super) fn hold_backs(&mut self, entries: &[Entry], tags: &[String]) -> Matching {
        let mut compiled = Matching::default();
        for entry in entries {
            self.hold_back(entry, &mut compiled);
            self.check_tag(&entry.key.name, entry.key.place, tags);
        }
        sort(&mut compiled.conditions);
        compiled
    }

    fn hold_back(&mut self, entry: &Entry, compiled: &mut Matching) {
        let name = entry.key.name.as_str();
        let telling = TELLING_KEYS.iter().find(|(known, _)| *known == name);
        if let Some((_, key)) = telling {
            // Any word can stand here as far as patterns go, as in a label.
            let Some(patterns) = self.patterns(entry, &Field::Label) else {
                return;
            };
            match key {
                TellingKey::Event => {
                    let kinds = KINDS.into_iter().map(EventKind::word);
                    let words: Vec<_> = std::iter::once(RATE).chain(kinds).collect();
                    self.check_words(&entry.value, &words);
                }
                TellingKey::Severity => {
                    self.check_words(&entry.value, &SEVERITIES.map(Severity::as_str))
                }
                TellingKey::Rule | TellingKey::Sink => {}
            }
            compiled.telling.push((*key, patterns));
            return;
        }
        if MatchKey::named(name).is_none() {
            let of_events = MATCH_KEYS.iter().map(|(key, _)| *key);
            let known: Vec<&str> = of_events.chain(TELLING_KEYS.map(|(key, _)| key)).collect();
            self.unknown_in_match(entry, &known);
            return;
        }
        let condition: Option<Condition> = self.condition(entry, &KINDS);
        compiled.conditions.extend(condition);
    }

    /// Reports each plain word that is not in `known`: it would hold back nothing.
    fn check_words(&mut self, node: &Node, known: &[&'static str]) {
        if let Content::Sequence(items) = node.content() {
            items.iter().for_each(|item| self.check_words(item, known));
            return;
        }
        let word = node.as_text().unwrap_or_default();
        let word = word.strip_prefix('!').unwrap_or(word);
        let is_plain = !word.contains('*') && !word.starts_with('/');
        if !is_plain || known.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            return;
        }
        let hint = did_you_mean(word, known.iter().copied());
        let problem = self.error(node.place(), format!("unknown word `{}`", shown(node)));
        problem.label = Some(format!("expected one of: {}", known.join(", ")));
        problem.hint = hint.map(|word| format!("did you mean `{word}`?"));
    }
}
