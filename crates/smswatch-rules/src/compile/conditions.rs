//! Compiles `match`: its keys, its patterns, and whether any event can match them.

use smswatch_model::{EventKind, Outcome, Word};

use super::expect::{is_empty, spot};
use super::{Compiler, shown};
use crate::condition::{Condition, ConditionTest};
use crate::diagnostic::Place;
use crate::field::{Field, Flag, MATCH_KEYS, MatchKey};
use crate::pattern::{BadPattern, Patterns, Subject};
use crate::yaml::{Content, Entry, Node};
use smswatch_template::did_you_mean;

impl Compiler<'_> {
    pub(super) fn conditions(&mut self, matching: &Entry, kinds: &[EventKind]) -> Vec<Condition> {
        if is_empty(&matching.value) {
            self.warning(spot(matching), "`match` is empty, so every event matches")
                .hint = Some("add conditions, or remove `match`".to_owned());
            return Vec::new();
        }
        let Some(entries) = matching.value.as_mapping() else {
            let found = matching.value.kind();
            let message = format!("expected a mapping of conditions, found {found}");
            self.error(spot(matching), message).hint =
                Some("such as `match: {status: Undelivered}`".to_owned());
            return Vec::new();
        };
        let n_errors = self.n_errors();
        let mut conditions: Vec<Condition> = entries
            .iter()
            .filter_map(|entry| self.condition(entry, kinds))
            .collect();
        self.check_first_seen(&matching.value, &conditions);
        if kinds == [EventKind::StatusChanged] && self.n_errors() == n_errors {
            self.check_can_hold(matching, &conditions);
        }
        sort(&mut conditions);
        conditions
    }

    pub(super) fn condition(&mut self, entry: &Entry, kinds: &[EventKind]) -> Option<Condition> {
        let key = entry.key.name.clone();
        let test = match MatchKey::named(&key) {
            Some(MatchKey::Flag(flag)) => {
                let wanted = self.boolean(entry)?;
                self.check_kinds(entry, kinds, |kind| never_is(flag, wanted, kind));
                ConditionTest::Flag(flag, wanted)
            }
            Some(MatchKey::Text(field)) => {
                let patterns = self.patterns(entry, &field)?;
                self.check_text_is_kept(entry, &field, &patterns);
                self.check_kinds(entry, kinds, |kind| never_has(&field, &patterns, kind));
                ConditionTest::Text(field, patterns)
            }
            None => {
                self.unknown_in_match(entry, &MATCH_KEYS.map(|(key, _)| key));
                return None;
            }
        };
        Some(Condition { key, test })
    }

    /// Reports a key that is not among the `known` ones of a `match`.
    pub(super) fn unknown_in_match(&mut self, entry: &Entry, known: &[&str]) {
        let name = entry.key.name.as_str();
        let hint = match did_you_mean(name, known.iter().copied()) {
            _ if name == "tags" || name == "tag" => "write `tags.NAME: …`".to_owned(),
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("expected one of: {}, tags.NAME", known.join(", ")),
        };
        self.error(entry.key.place, format!("unknown key `{name}` in `match`"))
            .hint = Some(hint);
    }

    pub(super) fn patterns(&mut self, entry: &Entry, field: &Field) -> Option<Patterns> {
        let mut patterns = Patterns::default();
        match entry.value.content() {
            Content::Sequence(items) if items.is_empty() => {
                self.error(spot(entry), "an empty list matches nothing")
                    .hint = Some(format!("remove `{}` to match everything", entry.key.name));
                return None;
            }
            Content::Sequence(items) => {
                for item in items {
                    self.pattern(item, item.place(), field, &mut patterns);
                }
            }
            Content::Null => {
                let problem = self.no_value(entry);
                problem.hint.get_or_insert_with(|| {
                    "`\"\"` matches events without it, and `\"!\"` those that have it".to_owned()
                });
                return None;
            }
            Content::Mapping(_) => {
                self.error(
                    spot(entry),
                    "expected text or a list of texts, found a mapping",
                );
                return None;
            }
            _ => self.pattern(&entry.value, spot(entry), field, &mut patterns),
        }
        if patterns.is_contradiction() {
            self.error(spot(entry), "this never matches").label =
                Some("the same value is wanted and excluded".to_owned());
        }
        (!patterns.is_empty()).then_some(patterns)
    }

    fn pattern(&mut self, node: &Node, place: Place, field: &Field, patterns: &mut Patterns) {
        let Some(text) = self.text_of(node, place) else {
            return;
        };
        let number_key = (*field == Field::To).then_some(self.options.number_key);
        if let Err(BadPattern {
            message,
            label,
            hint,
        }) = patterns.add(text, shown(node), number_key)
        {
            let problem = self.error(place, message);
            problem.label = label.filter(|_| !node.is_from_environment());
            problem.hint = hint.filter(|_| !node.is_from_environment());
            return;
        }
        if *field == Field::To {
            self.check_number_pattern(text, place);
        }
        let word = text.strip_prefix('!').unwrap_or(text);
        if !word.is_empty() && !word.contains('*') && !word.starts_with('/') {
            self.check_word(text, node, place, field);
        }
    }

    /// Warns of a word that events are not known to have here; `!` before it excludes it.
    fn check_word(&mut self, text: &str, node: &Node, place: Place, field: &Field) {
        let word = text.strip_prefix('!').unwrap_or(text);
        let is_among = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        let shown = shown(node).trim_start_matches('!');
        if let Some((name, words)) = field.words().filter(|(_, words)| !is_among(words)) {
            let problem = self.error(place, format!("unknown {name} `{shown}`"));
            problem.label = Some(format!("expected one of: {}", words.join(", ")));
            problem.hint = did_you_mean(word, words.iter().copied())
                .map(|known| format!("did you mean `{known}`?"));
            return;
        }
        match field {
            Field::Status | Field::PreviousStatus if is_among(Word::details()) => {
                self.warning(place, format!("`{shown}` is a detailed status"))
                    .hint = Some(format!("did you mean `detailed_status: {shown}`?"));
            }
            Field::Status | Field::PreviousStatus if !is_among(Word::statuses()) => {
                self.warn_of_unknown(text, shown, place, "status", Word::statuses());
            }
            Field::DetailedStatus if is_among(Word::statuses()) => {
                let label = "a detailed status that only repeats the status counts as missing";
                let problem = self.warning(place, format!("`{shown}` is a status"));
                problem.label = Some(label.to_owned());
                problem.hint = Some(format!("did you mean `status: {shown}`?"));
            }
            Field::DetailedStatus if !is_among(Word::details()) => {
                self.warn_of_unknown(text, shown, place, "detailed status", Word::details());
            }
            _ => {}
        }
    }

    /// Undocumented words may still occur, so this is no error; to exclude one does no harm unless it is a typo.
    fn warn_of_unknown(
        &mut self,
        text: &str,
        shown: &str,
        place: Place,
        what: &str,
        known: &[&str],
    ) {
        let word = text.strip_prefix('!');
        let meant = did_you_mean(word.unwrap_or(text), known.iter().copied());
        if word.is_some() && meant.is_none() {
            return;
        }
        let problem = self.warning(
            place,
            format!("Routee does not document the {what} `{shown}`"),
        );
        match meant {
            Some(known) => problem.hint = Some(format!("did you mean `{known}`?")),
            None => problem.label = Some(format!("it documents: {}", known.join(", "))),
        }
    }

    /// A rule about message texts never matches if texts are not kept.
    fn check_text_is_kept(&mut self, entry: &Entry, field: &Field, patterns: &Patterns) {
        if *field == Field::Body && !self.options.texts_are_kept && !patterns.accept_nothing() {
            self.error(entry.key.place, "message texts are not kept")
                .hint =
                Some("set `privacy.body` to `mask` or `keep`, or match `body_key`".to_owned());
        }
    }

    fn check_first_seen(&mut self, matching: &Node, conditions: &[Condition]) {
        let is_first = conditions
            .iter()
            .any(|condition| condition.test == ConditionTest::Flag(Flag::FirstSeen, true));
        let wants_previous = conditions.iter().any(|condition| match &condition.test {
            ConditionTest::Text(Field::PreviousStatus, patterns) => !patterns.accept_nothing(),
            _ => false,
        });
        if let (true, Some(entry)) = (
            is_first && wants_previous,
            matching.entry("previous_status"),
        ) {
            self.error(
                entry.key.place,
                "this never matches with `first_seen: true`",
            )
            .label =
                Some("a part that is seen for the first time has no previous status".to_owned());
        }
    }
}

/// The cheapest questions first: a regular expression is asked when all else holds.
pub(super) fn sort(conditions: &mut [Condition]) {
    conditions.sort_by_key(|condition| match &condition.test {
        ConditionTest::Flag(..) => 0,
        ConditionTest::Text(_, patterns) if patterns.are_words() => 1,
        ConditionTest::Text(..) => 2,
    });
}

/// Whether events of this kind tell a status without being a change of it; it is not a final one.
fn tells_status(kind: EventKind) -> bool {
    matches!(kind, EventKind::Stuck | EventKind::UnknownStatus)
}

/// Whether events of this kind never have such a value here.
fn never_has(field: &Field, patterns: &Patterns, kind: EventKind) -> bool {
    let is_of_changes = match field {
        Field::Status | Field::DetailedStatus | Field::Fault => !tells_status(kind),
        Field::Description | Field::Source => kind != EventKind::UnknownStatus,
        Field::PreviousStatus => true,
        _ => false,
    };
    if *field == Field::Outcome && kind != EventKind::StatusChanged && kind.is_of_message() {
        // What is told of messages that have not ended.
        return !patterns.hold(Subject {
            text: Some(Outcome::Pending.as_str()),
            key: None,
        });
    }
    let is_asked = is_of_changes || !kind.is_of_message();
    kind != EventKind::StatusChanged && is_asked && !patterns.accept_nothing()
}

/// Whether events of this kind never have this value of a flag.
fn never_is(flag: Flag, wanted: bool, kind: EventKind) -> bool {
    let is_never = match flag {
        Flag::Final => wanted || !tells_status(kind),
        Flag::Regression | Flag::Refined | Flag::FirstSeen => wanted,
        Flag::Late => wanted && !kind.is_of_message(),
    };
    kind != EventKind::StatusChanged && is_never
}
