//! Tells each status word that the provider does not document once, whoever sees it and however often.
//!
//! All processes share one list of the words that were told. Each remembers what it has read of it, so that
//! a word that is seen again costs no call of the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::Event;

use crate::context::Context;
use crate::form;
use crate::inbox::LogInbox;
use crate::inbox::unknown_words::{MOST_WORDS, UnknownWords};
use crate::memo;
use crate::metrics::OddityLabel;
use crate::store::{NewEntry, StoreError, shard_of};

/// The name of the list in the store.
const NAME: &str = "unknown-status";

const FORMAT: u8 = 1;

/// How long a word that could not be written waits.
const RETRY: Duration = Duration::from_secs(1);

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
            None => stage.words.noticed().await,
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
    let mut known = memo::read(context, shard, NAME, FORMAT, decode).await?;
    let mut told = known.value.take().unwrap_or_default();
    if told.len() >= MOST_WORDS || told.contains(&word) {
        stage.words.learn(told);
        return Ok(true);
    }
    told.insert(word);
    let entry = NewEntry::of(std::slice::from_ref(&event));
    let value = form::encode(FORMAT, &told);
    let is_done = memo::put(context, shard, &known, value, vec![entry]).await?;
    if is_done {
        let status = event.current.as_ref().map(|current| &current.status);
        tracing::warn!(
            status,
            "the provider told a status that it does not document"
        );
        if told.len() == MOST_WORDS {
            tracing::warn!("no further undocumented status is told: there are too many");
        }
        context.metrics.count_event(event.kind);
        let label = OddityLabel { what: "status" };
        context.metrics.oddities.get_or_create(&label).inc();
        stage.words.learn(told);
        stage.log.hint_now(shard);
    }
    Ok(is_done)
}

fn decode(bytes: &[u8]) -> Option<BTreeSet<String>> {
    form::decode(FORMAT, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let told = BTreeSet::from(["buffered".to_owned(), "\u{e9}\"\n".to_owned()]);
        assert_eq!(decode(&form::encode(FORMAT, &told)), Some(told));
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"\x02[]"), None);
    }
}
