//! Finds the few rules that can match an event, so that many rules cost hardly more than few.

use std::collections::HashMap;

use smswatch_model::{Event, EventKind};

use crate::condition::ConditionTest;
use crate::field::{Field, View};
use crate::pattern::lowered;
use crate::rule::Rule;

/// Positions of rules, from top to bottom.
type Positions = Vec<u32>;

/// Which rules can match, by the kind of an event and by words in it.
///
/// A rule that asks for plain words under one key at least stands in a table under them, and is tried only
/// on events that have one of them there. The others are tried on every event of their kinds.
#[derive(Debug, Default)]
pub(crate) struct RuleIndex(HashMap<EventKind, OfKind>);

/// The rules about one kind of event.
#[derive(Debug, Default)]
struct OfKind {
    /// Rules without a key that could stand in a table.
    always: Positions,
    tables: Vec<Table>,
}

/// Rules by a word that one field must have.
#[derive(Debug)]
struct Table {
    field: Field,
    by_word: HashMap<String, Positions>,
}

impl RuleIndex {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let uses = Uses::of(rules);
        let mut of_kinds: HashMap<EventKind, OfKind> = HashMap::new();
        for (position, rule) in (0..).zip(rules) {
            let key = uses.rarest(rule);
            for kind in &rule.kinds {
                of_kinds
                    .entry(*kind)
                    .or_default()
                    .add(position, key.as_ref());
            }
        }
        Self(of_kinds)
    }

    /// The positions of the rules that can match `event`, from top to bottom, added to `found`.
    fn add_candidates(&self, event: &Event, found: &mut Positions) {
        let Some(of_kind) = self.0.get(&event.kind) else {
            return;
        };
        found.extend(&of_kind.always);
        let view = View::of(event);
        let mut word = String::new();
        for table in &of_kind.tables {
            let Some(text) = view.text(&table.field) else {
                continue;
            };
            word.clear();
            word.extend(lowered(text));
            found.extend(table.by_word.get(&word).into_iter().flatten());
        }
    }

    /// The positions of the rules that can match one of `events`, each once, from top to bottom.
    pub(crate) fn candidates(&self, events: &[Event]) -> Positions {
        let mut found = Positions::new();
        for event in events {
            self.add_candidates(event, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl OfKind {
    fn add(&mut self, position: u32, key: Option<&Key<'_>>) {
        let Some(Key { field, words }) = key else {
            self.always.push(position);
            return;
        };
        let table = match self.tables.iter().position(|table| table.field == **field) {
            Some(at) => &mut self.tables[at],
            None => {
                let by_word = HashMap::new();
                let field = (*field).clone();
                self.tables.push(Table { field, by_word });
                self.tables.last_mut().expect("it was just added")
            }
        };
        for word in words {
            let positions = table.by_word.entry((*word).to_owned()).or_default();
            // A list may have a word twice.
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
    }
}

/// A field and the words of which it must have one.
#[derive(Debug, Clone)]
struct Key<'a> {
    field: &'a Field,
    words: Vec<&'a str>,
}

/// The keys under which a rule could stand in a table.
fn keys(rule: &Rule) -> impl Iterator<Item = Key<'_>> {
    rule.conditions.iter().filter_map(|condition| {
        let ConditionTest::Text(field, patterns) = &condition.test else {
            return None;
        };
        // Of several groups one must fit, and a number fits by its hash, too.
        if matches!(field, Field::Groups | Field::To) {
            return None;
        }
        let words = patterns.wanted_words()?;
        Some(Key { field, words })
    })
}

/// How many rules ask for each word.
struct Uses<'a>(Vec<(&'a Field, HashMap<&'a str, usize>)>);

impl<'a> Uses<'a> {
    fn of(rules: &'a [Rule]) -> Self {
        let mut uses: Vec<(&Field, HashMap<&str, usize>)> = Vec::new();
        for key in rules.iter().flat_map(keys) {
            let at = uses.iter().position(|(field, _)| *field == key.field);
            let at = at.unwrap_or_else(|| {
                uses.push((key.field, HashMap::new()));
                uses.len() - 1
            });
            for word in key.words {
                *uses[at].1.entry(word).or_default() += 1;
            }
        }
        Self(uses)
    }

    /// The key of `rule` whose words the fewest rules ask for; `None` if it has none.
    fn rarest(&self, rule: &'a Rule) -> Option<Key<'a>> {
        keys(rule).min_by_key(|key| {
            let known = self.0.iter().find(|(field, _)| *field == key.field);
            let counts = key.words.iter();
            let counts = counts.filter_map(|word| known.and_then(|(_, known)| known.get(word)));
            counts.max().copied().unwrap_or_default()
        })
    }
}
