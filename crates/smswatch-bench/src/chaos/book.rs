//! What a receiver was told: which changes, under which ids, and how often it took them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Context as _;
use serde_json::Value;
use smswatch_model::Timestamp;

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
}

/// A status and its date, in whole seconds as Routee tells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Status {
    pub(super) word: Word,
    pub(super) date: i64,
}

impl Status {
    fn read(value: &Value) -> Option<Self> {
        let status = value["status"].as_str()?;
        let date: Timestamp = value["date"].as_str()?.parse().ok()?;
        Some(Self {
            word: Word::new(status, value["detailed_status"].as_str()),
            date: date.as_seconds(),
        })
    }
}

/// That a part of a message had a status.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Fact {
    pub(super) message_id: String,
    pub(super) sms_id: String,
    pub(super) word: Word,
}

/// One change of one part, as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) event_id: String,
    pub(super) message_id: String,
    pub(super) sms_id: String,
    pub(super) sequence: u64,
    pub(super) previous: Option<Status>,
    pub(super) current: Status,
}

impl Told {
    fn read(event: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let previous = &event["previous"];
        Some(Self {
            event_id: text(&event["event_id"])?,
            message_id: text(&event["message"]["message_id"])?,
            sms_id: text(&event["part"]["sms_id"])?,
            sequence: event["sequence"].as_u64()?,
            previous: match previous {
                Value::Null => None,
                previous => Some(Status::read(previous)?),
            },
            current: Status::read(&event["current"])?,
        })
    }

    /// That its part had `status`.
    pub(super) fn fact(&self, status: &Status) -> Fact {
        Fact {
            message_id: self.message_id.clone(),
            sms_id: self.sms_id.clone(),
            word: status.word.clone(),
        }
    }
}

/// One webhook as it arrived.
#[derive(Debug)]
pub(super) struct Delivery {
    id: String,
    told: Vec<Told>,
}

impl Delivery {
    /// Reads the body of a webhook.
    pub(super) fn read(id: &str, body: &[u8]) -> anyhow::Result<Self> {
        let body: Value = serde_json::from_slice(body).context("no JSON")?;
        let events = body["data"]["events"].as_array().context("no events")?;
        let told: Option<Vec<_>> = events.iter().map(Told::read).collect();
        Ok(Self {
            id: id.to_owned(),
            told: told.context("an event that misses something")?,
        })
    }
}

/// A change that came, once or more often.
#[derive(Debug)]
struct Heard {
    told: Told,
    /// Whether the receiver took it, at least once.
    is_taken: bool,
}

/// Everything that one receiver was told.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// What it was told of each message, by sequence number.
    heard: HashMap<String, BTreeMap<u64, Heard>>,
    /// What it took, as the statuses now.
    taken: HashSet<Fact>,
    /// The ids under which each event came.
    ids: HashMap<String, BTreeSet<String>>,
    /// The events that each delivery told at first.
    contents: HashMap<String, Vec<String>>,
    /// How often each delivery was taken.
    n_taken: HashMap<String, u64>,
    /// What came again, and was not what it had been.
    altered: Vec<String>,
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
        let events: Vec<_> = delivery
            .told
            .iter()
            .map(|one| one.event_id.clone())
            .collect();
        let first = self.contents.entry(delivery.id.clone());
        if *first.or_insert_with(|| events.clone()) != events {
            self.altered
                .push(format!("{} came again and told {events:?}", delivery.id));
        }
        for told in delivery.told {
            let ids = self.ids.entry(told.event_id.clone()).or_default();
            ids.insert(delivery.id.clone());
            self.hear(told, is_taken);
        }
    }

    fn hear(&mut self, told: Told, is_taken: bool) {
        if is_taken {
            self.taken.insert(told.fact(&told.current));
        }
        let of_message = self.heard.entry(told.message_id.clone()).or_default();
        let heard = of_message.entry(told.sequence).or_insert_with(|| Heard {
            told: told.clone(),
            is_taken,
        });
        heard.is_taken |= is_taken;
        if heard.told != told {
            self.altered
                .push(format!("{told:?} has the number of {:?}", heard.told));
        }
    }

    pub(super) fn has_taken(&self, fact: &Fact) -> bool {
        self.taken.contains(fact)
    }

    /// Every change that came, taken or not.
    pub(super) fn heard(&self) -> impl Iterator<Item = &Told> {
        let all = self.heard.values().flat_map(BTreeMap::values);
        all.map(|heard| &heard.told)
    }

    /// What it took of each message, in the order of the sequence numbers.
    pub(super) fn chains(&self) -> impl Iterator<Item = Vec<&Told>> {
        self.heard.values().map(|of_message| {
            let taken = of_message.values().filter(|heard| heard.is_taken);
            taken.map(|heard| &heard.told).collect()
        })
    }

    /// The change of a message that came under a number.
    pub(super) fn numbered(&self, message_id: &str, sequence: u64) -> Option<&Told> {
        let heard = self.heard.get(message_id)?.get(&sequence)?;
        Some(&heard.told)
    }

    /// Events that came under more than one id: their repeats cannot be recognized.
    pub(super) fn unrecognizable(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.ids.iter().filter(|(_, ids)| ids.len() > 1)
    }

    /// What came again, and was not what it had been.
    pub(super) fn altered(&self) -> &[String] {
        &self.altered
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
pub(super) mod tests {
    use super::*;

    /// A change of the part `s` of the message `m`; statuses are words and seconds.
    pub(in super::super) fn told(
        sequence: u64,
        previous: Option<(&str, i64)>,
        current: (&str, i64),
    ) -> Told {
        let status = |(word, date): (&str, i64)| Status {
            word: Word::new(word, None),
            date,
        };
        Told {
            event_id: format!("e{sequence}"),
            message_id: "m".to_owned(),
            sms_id: "s".to_owned(),
            sequence,
            previous: previous.map(status),
            current: status(current),
        }
    }

    pub(in super::super) fn delivery(id: &str, told: Told) -> Delivery {
        Delivery {
            id: id.to_owned(),
            told: vec![told],
        }
    }

    fn sent() -> Told {
        told(1, None, ("Sent", 5))
    }

    #[test]
    fn a_webhook_is_read_as_it_is_documented() {
        let body = serde_json::json!({"data": {"events": [{
            "event_id": "e1",
            "sequence": 1,
            "previous": null,
            "current": {"status": "Sent", "detailed_status": null, "date": "1970-01-01T00:00:05Z"},
            "part": {"sms_id": "s"},
            "message": {"message_id": "m"},
        }]}});
        let read = Delivery::read("d", body.to_string().as_bytes()).expect("a delivery");
        assert_eq!(read.told, [sent()]);
    }

    #[test]
    fn what_was_refused_has_not_arrived() {
        let mut book = Book::default();
        let fact = sent().fact(&sent().current);
        book.enter(delivery("d", sent()), false);
        assert!(!book.has_taken(&fact));
        assert!(book.chains().all(|chain| chain.is_empty()));
        assert_eq!((book.n_deliveries(), book.n_repeats()), (0, 0));
        book.enter(delivery("d", sent()), true);
        assert!(book.has_taken(&fact));
        assert!(book.chains().all(|chain| chain == [&sent()]));
        assert_eq!((book.n_deliveries(), book.n_repeats()), (1, 0));
    }

    #[test]
    fn a_repeat_is_recognized_by_its_id_alone() {
        let mut book = Book::default();
        book.enter(delivery("d", sent()), true);
        book.enter(delivery("d", sent()), true);
        assert_eq!(book.n_repeats(), 1);
        assert_eq!(book.unrecognizable().count(), 0);
        book.enter(delivery("other", sent()), true);
        assert_eq!(book.unrecognizable().count(), 1);
    }

    #[test]
    fn what_comes_again_must_be_what_it_was() {
        let mut book = Book::default();
        book.enter(delivery("d", sent()), false);
        book.enter(delivery("d", sent()), true);
        assert!(book.altered().is_empty());
        let renamed = Told {
            event_id: "other".to_owned(),
            ..sent()
        };
        book.enter(delivery("e", renamed), true);
        assert_eq!(book.altered().len(), 1, "another event of the same number");
        book.enter(delivery("d", told(2, None, ("Sent", 5))), true);
        assert_eq!(
            book.altered().len(),
            2,
            "another event of the same delivery"
        );
    }

    #[test]
    fn a_detail_that_repeats_the_word_says_nothing() {
        assert_eq!(Word::new("Sent", Some("sent")), Word::new("sent", None));
        assert_ne!(Word::new("Sent", Some("Roaming")), Word::new("sent", None));
    }
}
