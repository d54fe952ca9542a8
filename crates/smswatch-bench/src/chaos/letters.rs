//! What the sinks of rules were told: each notification once, with the events that it shows.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use serde::Deserialize;
use smswatch_model::EventKind;

/// A notification as a webhook tells it, as far as it is accounted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// The sink that it is for.
    pub(super) sink: String,
    pub(super) rule: String,
    pub(super) kind: EventKind,
    pub(super) group: BTreeMap<String, String>,
    pub(super) omitted: u64,
    /// The ids of its events.
    pub(super) events: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: EventKind,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    rule: String,
    group: BTreeMap<String, String>,
    omitted: u64,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    event_id: String,
}

impl Letter {
    /// Reads the body of a webhook for the sink of this name.
    ///
    /// # Errors
    ///
    /// It is not what the documents say.
    pub(super) fn read(sink: &str, body: &[u8]) -> anyhow::Result<Self> {
        let Body { kind, data } = serde_json::from_slice(body).context("no notification")?;
        let events = data.events.into_iter().map(|event| event.event_id);
        Ok(Self {
            sink: sink.to_owned(),
            rule: data.rule,
            kind,
            group: data.group,
            omitted: data.omitted,
            events: events.collect(),
        })
    }
}

/// A notification, and how often it was taken.
#[derive(Debug)]
struct Kept {
    letter: Letter,
    n_taken: u64,
}

/// Everything that the sinks of rules were told by one receiver's account.
#[derive(Debug, Default)]
pub(super) struct Letters {
    kept: HashMap<String, Kept>,
    /// What came again, and was not what it had been.
    altered: Vec<String>,
}

impl Letters {
    /// Enters what came under a delivery's id, and whether the receiver took it.
    pub(super) fn enter(&mut self, id: &str, letter: Letter, is_taken: bool) {
        let kept = self.kept.entry(id.to_owned()).or_insert_with(|| Kept {
            letter: letter.clone(),
            n_taken: 0,
        });
        kept.n_taken += u64::from(is_taken);
        if kept.letter != letter {
            let before = &kept.letter;
            self.altered
                .push(format!("{id} came as {before:?} and as {letter:?}"));
        }
    }

    /// What was taken, each once, with its delivery's id.
    pub(super) fn taken(&self) -> impl Iterator<Item = (&str, &Letter)> {
        let taken = self.kept.iter().filter(|(_, kept)| kept.n_taken > 0);
        taken.map(|(id, kept)| (id.as_str(), &kept.letter))
    }

    /// How often anything was taken.
    pub(super) fn n_taken(&self) -> u64 {
        self.kept.values().map(|kept| kept.n_taken).sum()
    }

    /// What came again, and was not what it had been.
    pub(super) fn altered(&self) -> &[String] {
        &self.altered
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A notification of a rule for `extra`, without a group.
    pub(in super::super) fn letter(rule: &str, events: &[&str]) -> Letter {
        Letter {
            sink: "extra".to_owned(),
            rule: rule.to_owned(),
            kind: EventKind::StatusChanged,
            group: BTreeMap::new(),
            omitted: 0,
            events: events.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    #[test]
    fn a_webhook_is_read_as_it_is_documented() {
        let body = serde_json::json!({
            "type": "sms.status_changed",
            "data": {"rule": "r", "group": {}, "omitted": 0, "events": [{"event_id": "e1"}]},
        });
        let read = Letter::read("extra", body.to_string().as_bytes()).expect("a letter");
        assert_eq!(read, letter("r", &["e1"]));
    }

    #[test]
    fn what_was_refused_is_not_taken_and_what_comes_again_is_the_same() {
        let mut letters = Letters::default();
        letters.enter("d", letter("r", &["e1"]), false);
        assert_eq!((letters.taken().count(), letters.n_taken()), (0, 0));
        letters.enter("d", letter("r", &["e1"]), true);
        letters.enter("d", letter("r", &["e1"]), true);
        assert_eq!((letters.taken().count(), letters.n_taken()), (1, 2));
        assert!(letters.altered().is_empty());
        letters.enter("d", letter("r", &["e2"]), true);
        assert_eq!(letters.altered().len(), 1);
    }
}
