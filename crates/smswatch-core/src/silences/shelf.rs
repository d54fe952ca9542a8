//! The silences as the store keeps them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smswatch_model::Timestamp;

use crate::form;

/// How many silences are kept at most, those that have ended included.
pub(crate) const MOST_KEPT: usize = 1000;

/// How many bytes all of them take at most: each process reads them every second while it works.
const MOST_BYTES: usize = 256 * 1024;

/// A silence: what is not told until it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its name.
    pub id: String,
    /// What it holds back: the keys of a rule's `match`, and `rule`, `sink`, `severity` and `event`.
    #[serde(rename = "match")]
    pub matching: Value,
    /// When it ends, or was ended.
    pub until: Timestamp,
    /// Why it is there.
    pub comment: String,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many deliveries it has held back.
    pub held_back: u64,
    /// Whether its end was told in the log.
    #[serde(default)]
    pub(crate) is_end_told: bool,
    /// What a later version notes besides.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

impl Silence {
    /// Whether it holds back anything at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// All silences that are kept, the newest last.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Shelf {
    silences: Vec<Silence>,
    /// What a later version notes besides.
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl Shelf {
    pub(super) const FORMAT: u8 = 1;

    /// Reads what [`Self::encode`] wrote; `None` if another version wrote it.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(Self::FORMAT, bytes)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        form::encode(Self::FORMAT, self)
    }

    /// All of them, the newest last.
    pub(crate) fn silences(&self) -> &[Silence] {
        &self.silences
    }

    /// Those that hold back anything at `now`.
    pub(crate) fn active(&self, now: Timestamp) -> impl Iterator<Item = &Silence> {
        let silences = self.silences.iter();
        silences.filter(move |silence| silence.is_active(now))
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Silence> {
        self.silences.iter_mut().find(|silence| silence.id == id)
    }

    /// Adds a silence, in the place of the oldest one that has ended if there are too many; returns whether
    /// there is room for it.
    pub(crate) fn add(&mut self, silence: Silence, now: Timestamp) -> bool {
        self.silences.push(silence);
        while self.silences.len() > MOST_KEPT || self.encode().len() > MOST_BYTES {
            let oldest = self.silences.iter().position(|one| !one.is_active(now));
            let Some(oldest) = oldest else {
                return false;
            };
            self.silences.remove(oldest);
        }
        true
    }

    /// Forgets those that ended longer ago than `keep_for`, in which what they held back is kept.
    pub(super) fn prune(&mut self, now: Timestamp, keep_for: Duration) {
        self.silences
            .retain(|silence| !silence.is_end_told || now < silence.until + keep_for);
    }

    /// The next end of a silence that is not told yet.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        let untold = self.silences.iter().filter(|silence| !silence.is_end_told);
        untold.map(|silence| silence.until).min()
    }

    /// Takes note that the ends up to `now` are told, and returns the silences that have ended.
    pub(super) fn tell_ends(&mut self, now: Timestamp) -> Vec<Silence> {
        let ended = |silence: &&mut Silence| !silence.is_end_told && !silence.is_active(now);
        let ended = self.silences.iter_mut().filter(ended);
        ended
            .map(|silence| {
                silence.is_end_told = true;
                silence.clone()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEEP: Duration = Duration::from_secs(3600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn silence(id: &str, until: i64) -> Silence {
        Silence {
            id: id.to_owned(),
            matching: json!({"status": "Undelivered"}),
            until: at(until),
            comment: String::new(),
            author: "ann".to_owned(),
            created_at: at(0),
            held_back: 3,
            is_end_told: false,
            other: Map::new(),
        }
    }

    fn ids<'s>(silences: impl IntoIterator<Item = &'s Silence>) -> Vec<&'s str> {
        silences.into_iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn silences_are_read_as_they_were_written_with_what_a_later_version_notes() {
        let mut shelf = Shelf::default();
        let mut noted = silence("a", 60);
        noted.other.insert("colour".to_owned(), json!("red"));
        assert!(shelf.add(noted, at(0)));
        shelf.other.insert("shelves".to_owned(), json!(2));
        assert_eq!(Shelf::decode(&shelf.encode()), Some(shelf));
        assert_eq!(Shelf::decode(b""), None);
        assert_eq!(Shelf::decode(b"\x02{\"silences\":[]}"), None);
    }

    #[test]
    fn an_end_is_told_once_and_the_silence_is_kept_for_a_while() {
        let mut shelf = Shelf::default();
        for (id, until) in [("a", 60), ("b", 120)] {
            assert!(shelf.add(silence(id, until), at(0)));
        }
        assert_eq!(shelf.next_end(), Some(at(60)));
        assert_eq!(ids(shelf.active(at(59))), ["a", "b"]);
        assert_eq!(ids(shelf.active(at(60))), ["b"]);
        assert_eq!(ids(&shelf.tell_ends(at(60))), ["a"]);
        assert_eq!(ids(&shelf.tell_ends(at(60))), Vec::<&str>::new());
        assert_eq!(shelf.next_end(), Some(at(120)));
        shelf.prune(at(3659), KEEP);
        assert_eq!(ids(shelf.silences()), ["a", "b"]);
        shelf.prune(at(3660), KEEP);
        assert_eq!(ids(shelf.silences()), ["b"], "its end is not told yet");
    }

    #[test]
    fn a_new_silence_takes_the_place_of_the_oldest_that_has_ended() {
        let mut shelf = Shelf::default();
        for n in 0..MOST_KEPT {
            let until = if n == 7 { 60 } else { 120 };
            shelf.silences.push(silence(&format!("sil_{n}"), until));
        }
        assert!(shelf.add(silence("new", 120), at(60)));
        assert_eq!(shelf.silences().len(), MOST_KEPT);
        assert!(!ids(shelf.silences()).contains(&"sil_7"));
        assert!(!shelf.add(silence("one too many", 120), at(60)));
    }
}
