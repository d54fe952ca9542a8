//! Tells each status word that the provider does not document once, whoever sees it and however often.
//!
//! All processes share one list of the words that were told. Each remembers what it has read of it, so that
//! a word that is seen again costs no call of the store.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smswatch_model::{Event, Word};
use tokio::sync::Notify;

use crate::context::Context;
use crate::inbox::LogInbox;
use crate::memo;
use crate::metrics::{KindLabel, OddityLabel};
use crate::store::{NewEntry, StoreError, shard_of};

/// The name of the list in the store.
const NAME: &str = "unknown-status";

const FORMAT: u8 = 1;

/// How many words are told at most: a provider that invents words without end is told of by then.
const MOST_WORDS: usize = 200;

/// How many characters of a word tell it from others.
const MOST_CHARACTERS: usize = 64;

/// How long a word that could not be written waits.
const RETRY: Duration = Duration::from_secs(1);

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

    fn next(&self) -> Option<(String, Event)> {
        self.lock().waiting.first().cloned()
    }

    /// Takes over the list that is in the store now; what waits and stands in it is told.
    fn learn(&self, told: BTreeSet<String>) {
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

/// What telling of unknown words touches.
#[derive(Debug)]
pub(crate) struct TellUnknown {
    pub(crate) context: Arc<Context>,
    pub(crate) words: Arc<UnknownWords>,
    pub(crate) log: Arc<LogInbox>,
}

/// Tells unknown words as they are noticed; runs until it is cancelled.
pub(crate) async fn run(stage: Arc<TellUnknown>) {
    loop {
        match stage.words.next() {
            None => stage.words.noticed.notified().await,
            Some((word, event)) => {
                if !matches!(tell(&stage, word, event).await, Ok(true)) {
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// Tells `word` unless it was told; returns false if another process changed the list meanwhile.
async fn tell(stage: &TellUnknown, word: String, event: Event) -> Result<bool, StoreError> {
    let context = &stage.context;
    let shard = shard_of(NAME, context.store.shard_count());
    let known = memo::read(context, shard, NAME, FORMAT, decode).await?;
    let mut told = known.value.unwrap_or_default();
    if told.len() >= MOST_WORDS || told.contains(&word) {
        stage.words.learn(told);
        return Ok(true);
    }
    told.insert(word);
    let entry = NewEntry::of(std::slice::from_ref(&event));
    let value = encode(&told);
    let put = context
        .store
        .put_memo(shard, &known.name, known.version, value, vec![entry]);
    let is_done = context.call("put_memo", put).await?;
    if is_done {
        let status = event.current.as_ref().map(|current| &current.status);
        tracing::warn!(
            status,
            "the provider told a status that it does not document"
        );
        if told.len() == MOST_WORDS {
            tracing::warn!("no further undocumented status is told: there are too many");
        }
        let label = KindLabel {
            r#type: event.kind.as_str(),
        };
        context.metrics.events.get_or_create(&label).inc();
        let label = OddityLabel { what: "status" };
        context.metrics.oddities.get_or_create(&label).inc();
        stage.words.learn(told);
        stage.log.hint_now(shard);
    }
    Ok(is_done)
}

/// What a word is known by.
fn key(word: &Word) -> String {
    word.to_lowercase().chars().take(MOST_CHARACTERS).collect()
}

fn encode(told: &BTreeSet<String>) -> Vec<u8> {
    let words = serde_json::to_vec(told).expect("texts can be written");
    std::iter::once(FORMAT).chain(words).collect()
}

fn decode(bytes: &[u8]) -> Option<BTreeSet<String>> {
    let (format, words) = bytes.split_first()?;
    let words = serde_json::from_slice(words).ok()?;
    (*format == FORMAT).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let told = BTreeSet::from(["buffered".to_owned(), "\u{e9}\"\n".to_owned()]);
        assert_eq!(decode(&encode(&told)), Some(told));
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"\x02[]"), None);
    }

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
