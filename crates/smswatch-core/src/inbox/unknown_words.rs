//! Status words that the provider does not document, and that wait to be told.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use smswatch_model::{Event, Word};
use tokio::sync::Notify;

/// How many words are told at most: a provider that invents words without end is told of by then.
pub(crate) const MOST_WORDS: usize = 200;

/// How many characters of a word tell it from others.
const MOST_CHARACTERS: usize = 64;

/// The status words that this process has seen and that the provider does not document.
#[derive(Debug, Default)]
pub(crate) struct UnknownWords {
    state: Mutex<State>,
    /// There is a word to tell.
    noticed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Those that were told, as far as this process has read.
    told: BTreeSet<String>,
    /// Those that wait to be told.
    waiting: Vec<(String, Event)>,
}

impl UnknownWords {
    /// Whether there is nothing to tell of `word`.
    pub(crate) fn is_told(&self, word: &Word) -> bool {
        let (state, key) = (self.lock(), key(word));
        state.told.contains(&key)
            || state.waiting.iter().any(|(known, _)| *known == key)
            || state.told.len() + state.waiting.len() >= MOST_WORDS
    }

    /// Notes events about words that are not told yet.
    pub(crate) fn notice(&self, events: Vec<Event>) {
        for event in events {
            let Some(current) = &event.current else {
                continue;
            };
            let key = key(&Word::new(&current.status));
            let mut state = self.lock();
            if state.waiting.iter().all(|(known, _)| *known != key) {
                state.waiting.push((key, event));
                self.noticed.notify_one();
            }
        }
    }

    /// Waits until there may be a word to tell.
    pub(crate) async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// A word that waits to be told, and its event.
    pub(crate) fn next(&self) -> Option<(String, Event)> {
        self.lock().waiting.first().cloned()
    }

    /// Has the others that wait come before `word`.
    pub(crate) fn put_last(&self, word: &str) {
        let mut state = self.lock();
        let place = state.waiting.iter().position(|(known, _)| known == word);
        if let Some(place) = place {
            state.waiting[place..].rotate_left(1);
        }
    }

    /// Takes over the list that is in the store now; what waits and stands in it is told.
    pub(crate) fn learn(&self, told: BTreeSet<String>) {
        let mut state = self.lock();
        let is_full = told.len() >= MOST_WORDS;
        state
            .waiting
            .retain(|(word, _)| !is_full && !told.contains(word));
        state.told.extend(told);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a word is known by.
fn key(word: &Word) -> String {
    word.to_lowercase().chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_told_apart_without_regard_to_case_and_never_more_than_so_many() {
        let words = UnknownWords::default();
        assert!(!words.is_told(&Word::new("Buffered")));
        words.learn(["buffered".to_owned()].into());
        assert!(words.is_told(&Word::new("BUFFERED")));
        assert!(!words.is_told(&Word::new("Held")));
        words.learn((0..MOST_WORDS).map(|n| n.to_string()).collect());
        assert!(words.is_told(&Word::new("Held")), "the list is full");
    }
}
