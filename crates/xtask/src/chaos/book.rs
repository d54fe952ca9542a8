//! What a receiver was told: which events, under which ids, and how often it took them.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Context as _;
use serde_json::Value;

/// A status as it is compared: lower-cased, without a detail that only repeats the word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Word(String);

impl Word {
    pub(super) fn new(status: &str, detailed_status: Option<&str>) -> Self {
        let status = status.to_lowercase();
        let detail = detailed_status.unwrap_or_default().to_lowercase();
        if detail.is_empty() || detail == status {
            Self(status)
        } else {
            Self(format!("{status}: {detail}"))
        }
    }

    fn of(value: &Value) -> Option<Self> {
        let status = value["status"].as_str()?;
        Some(Self::new(status, value["detailed_status"].as_str()))
    }
}

/// That a part of a message had a status.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Fact {
    pub(super) message_id: String,
    pub(super) sms_id: String,
    pub(super) word: Word,
}

/// One webhook as it arrived.
#[derive(Debug)]
pub(super) struct Delivery {
    id: String,
    /// Each event's id, and what it claims: the status now and the one before.
    events: Vec<(String, Vec<Fact>)>,
}

impl Delivery {
    /// Reads the body of a webhook.
    pub(super) fn read(id: &str, body: &[u8]) -> anyhow::Result<Self> {
        let body: Value = serde_json::from_slice(body).context("no JSON")?;
        let events = body["data"]["events"].as_array().context("no events")?;
        let events: Option<Vec<_>> = events.iter().map(event).collect();
        Ok(Self {
            id: id.to_owned(),
            events: events.context("an event that misses something")?,
        })
    }
}

fn event(event: &Value) -> Option<(String, Vec<Fact>)> {
    let fact = |word| {
        Some(Fact {
            message_id: event["message"]["message_id"].as_str()?.to_owned(),
            sms_id: event["part"]["sms_id"].as_str()?.to_owned(),
            word,
        })
    };
    let mut facts = vec![fact(Word::of(&event["current"])?)?];
    if !event["previous"].is_null() {
        facts.push(fact(Word::of(&event["previous"])?)?);
    }
    Some((event["event_id"].as_str()?.to_owned(), facts))
}

/// Everything that one receiver was told.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// What it took, as the statuses now.
    taken: HashSet<Fact>,
    /// What it heard, taken or not, the statuses before included.
    heard: HashSet<Fact>,
    /// The ids under which each event came.
    ids: HashMap<String, BTreeSet<String>>,
    /// How often each delivery was taken.
    n_taken: HashMap<String, u64>,
    /// How many requests had a wrong signature or made no sense.
    pub(super) n_unreadable: u64,
    /// How many requests came.
    pub(super) n_requests: u64,
}

impl Book {
    /// Enters a delivery, and whether the receiver took it.
    pub(super) fn enter(&mut self, delivery: Delivery, is_taken: bool) {
        self.n_requests += 1;
        if is_taken {
            *self.n_taken.entry(delivery.id.clone()).or_default() += 1;
        }
        for (event_id, facts) in delivery.events {
            if let Some(now) = facts.first().filter(|_| is_taken) {
                self.taken.insert(now.clone());
            }
            self.heard.extend(facts);
            let ids = self.ids.entry(event_id).or_default();
            ids.insert(delivery.id.clone());
        }
    }

    pub(super) fn has_taken(&self, fact: &Fact) -> bool {
        self.taken.contains(fact)
    }

    pub(super) fn heard(&self) -> impl Iterator<Item = &Fact> {
        self.heard.iter()
    }

    /// Events that came under more than one id: their repeats cannot be recognized.
    pub(super) fn unrecognizable(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.ids.iter().filter(|(_, ids)| ids.len() > 1)
    }

    /// How many events came.
    pub(super) fn n_events(&self) -> u64 {
        self.ids.len() as u64
    }

    /// How many deliveries were taken, each once.
    pub(super) fn n_deliveries(&self) -> u64 {
        self.n_taken.len() as u64
    }

    /// How often a delivery was taken that had been taken before.
    pub(super) fn n_repeats(&self) -> u64 {
        self.n_taken.values().map(|times| times - 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, event_id: &str, status: &str) -> Delivery {
        let body = serde_json::json!({"data": {"events": [{
            "event_id": event_id,
            "previous": null,
            "current": {"status": status, "detailed_status": null},
            "part": {"sms_id": "s"},
            "message": {"message_id": "m"},
        }]}});
        Delivery::read(id, body.to_string().as_bytes()).expect("a delivery")
    }

    fn fact(status: &str) -> Fact {
        Fact {
            message_id: "m".to_owned(),
            sms_id: "s".to_owned(),
            word: Word::new(status, None),
        }
    }

    #[test]
    fn what_was_refused_has_not_arrived() {
        let mut book = Book::default();
        book.enter(delivery("d", "e", "Sent"), false);
        assert!(!book.has_taken(&fact("Sent")));
        assert_eq!((book.n_deliveries(), book.n_repeats()), (0, 0));
        book.enter(delivery("d", "e", "Sent"), true);
        assert!(book.has_taken(&fact("Sent")));
        assert_eq!((book.n_deliveries(), book.n_repeats()), (1, 0));
    }

    #[test]
    fn a_repeat_is_recognized_by_its_id_alone() {
        let mut book = Book::default();
        book.enter(delivery("d", "e", "Sent"), true);
        book.enter(delivery("d", "e", "Sent"), true);
        assert_eq!(book.n_repeats(), 1);
        assert_eq!(book.unrecognizable().count(), 0);
        book.enter(delivery("other", "e", "Sent"), true);
        assert_eq!(book.unrecognizable().count(), 1);
    }

    #[test]
    fn a_detail_that_repeats_the_word_says_nothing() {
        assert_eq!(Word::new("Sent", Some("sent")), Word::new("sent", None));
        assert_ne!(Word::new("Sent", Some("Roaming")), Word::new("sent", None));
    }
}
