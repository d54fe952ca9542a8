//! Compiles `event`: one word, several, or `any`.

use smswatch_model::EventKind;

use super::expect::spot;
use super::{Compiler, shown};
use crate::diagnostic::Place;
use crate::event_word::{ANY, KINDS, rule_word};
use crate::yaml::{Content, Entry, Node};
use smswatch_template::did_you_mean;

impl Compiler<'_> {
    /// The kinds of events that a rule is about, at least one.
    pub(super) fn kinds(&mut self, rule: &Node) -> Vec<EventKind> {
        let kinds = rule
            .entry("event")
            .and_then(|entry| self.named_kinds(entry));
        // A rule with a wrong word here is not used; the rest of it is checked as if it had none.
        kinds.unwrap_or_else(|| vec![EventKind::StatusChanged])
    }

    fn named_kinds(&mut self, entry: &Entry) -> Option<Vec<EventKind>> {
        let Content::Sequence(items) = entry.value.content() else {
            return self.kinds_of_word(&entry.value, spot(entry));
        };
        if items.is_empty() {
            self.error(spot(entry), "an empty list matches no event")
                .hint =
                Some("leave out `event` for status changes, or write `event: any`".to_owned());
            return None;
        }
        let mut kinds = Vec::new();
        let mut is_sound = true;
        for item in items {
            match self.kinds_of_word(item, item.place()) {
                Some(more) => kinds.extend(more),
                None => is_sound = false,
            }
        }
        // In the order of the documentation, each once.
        let kinds = KINDS.into_iter().filter(|kind| kinds.contains(kind));
        is_sound.then(|| kinds.collect())
    }

    fn kinds_of_word(&mut self, node: &Node, place: Place) -> Option<Vec<EventKind>> {
        let word = self.text_of(node, place)?;
        if word == ANY {
            return Some(KINDS.to_vec());
        }
        let kinds: Vec<EventKind> = KINDS
            .into_iter()
            .filter(|kind| rule_word(*kind) == word)
            .collect();
        if !kinds.is_empty() {
            return Some(kinds);
        }
        let mut known = KINDS.map(rule_word).to_vec();
        known.dedup();
        known.push(ANY);
        let label = format!("expected one of: {}", known.join(", "));
        let shown = shown(node);
        let plain = word.rsplit('.').next().unwrap_or(word);
        let hint = did_you_mean(plain, known).map(|word| format!("did you mean `{word}`?"));
        let problem = self.error(place, format!("unknown event `{shown}`"));
        problem.hint = hint;
        problem.label = Some(label);
        None
    }

    /// Reports a key of `match` that some of the rule's events never have; `never` says which.
    ///
    /// Keys may narrow down a rule for `any` event. A rule that names its events means all of them.
    pub(super) fn check_kinds(
        &mut self,
        entry: &Entry,
        kinds: &[EventKind],
        never: impl Fn(EventKind) -> bool,
    ) {
        let missed: Vec<EventKind> = kinds.iter().copied().filter(|kind| never(*kind)).collect();
        if missed.is_empty() || kinds.len() == KINDS.len() && missed.len() < kinds.len() {
            return;
        }
        let key = &entry.key.name;
        let mut words: Vec<String> = missed
            .iter()
            .map(|kind| format!("`{}`", rule_word(*kind)))
            .collect();
        words.dedup();
        let message = format!("`{key}` never matches {} events", words.join(" or "));
        if missed.len() < kinds.len() {
            let problem = self.warning(entry.key.place, message);
            problem.label = Some("this rule never fires for them".to_owned());
            problem.hint = Some("write another rule for them".to_owned());
            return;
        }
        let problem = self.error(entry.key.place, message);
        if missed.iter().all(|kind| kind.is_of_message()) {
            let label = match missed[..] {
                _ if key == "outcome" => {
                    "the message of these events has not ended: it is `pending`"
                }
                [EventKind::Stuck | EventKind::UnknownStatus] => {
                    "these events tell the status of a message that is not final, and no change of it"
                }
                _ => "these events have no status",
            };
            problem.label = Some(label.to_owned());
        } else {
            problem.label =
                Some("these events are about smswatch itself, not about a message".to_owned());
            let hint = "to match what they are about, write `when: event.about.name == \"…\"`";
            problem.hint = Some(hint.to_owned());
        }
    }
}
