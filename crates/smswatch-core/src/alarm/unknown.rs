//! Reports each status word that the provider does not document once, over all processes.
//!
//! All processes share one list of the words that were told. Each remembers what it has read of it, so that
//! a word that is seen again costs no call of the store. The event stands in the log of the message in which the word was
//! seen, so that whoever asks about the message finds it. That mostly is another shard than the list's, and one step
//! touches one shard, so a word is told in three: it is claimed for one message, its event is appended there together with
//! a note that it was, and the list takes it in. Each can be repeated by any process after any crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use smswatch_model::Event;

use crate::context::Context;
use crate::form;
use crate::inbox::LogInbox;
use crate::inbox::unknown_words::{MOST_WORDS, UnknownWords};
use crate::memo::{Decision, Memo};
use crate::metrics::OddityLabel;
use crate::store::{NewEntry, Shard, StoreError};

/// The name of the list in the store.
const NAME: &str = "unknown-status";

/// The name, beside the list, of the words that are being told, each with its event.
const CLAIMS: &str = "unknown-status-claims";

/// The name, in each shard, of the words whose events were appended there.
const APPENDED: &str = "unknown-status-appended";

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
                if report(&stage, &word, event).await.is_err() {
                    // Its shard may be away, and that of another word be there.
                    stage.words.put_last(&word);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// Words that are being told, each with its event.
type Claims = BTreeMap<String, Event>;

/// Tells `word` unless it was told.
async fn report(stage: &TellUnknown, word: &str, event: Event) -> Result<(), StoreError> {
    let context = &stage.context;
    let list = memo::<BTreeSet<String>>(context, NAME);
    let told = list.read(context).await?.value.unwrap_or_default();
    if told.len() >= MOST_WORDS || told.contains(word) {
        stage.words.learn(told);
        return Ok(());
    }
    let event = claim(context, list.shard(), word, event, &told).await?;
    append(stage, word, &event).await?;
    let told = list.change(context, |found| {
        let mut told = found.value.unwrap_or_default();
        if !told.insert(word.to_owned()) {
            return Decision::Leave(told);
        }
        Decision::Write {
            value: told.clone(),
            entries: Vec::new(),
            answer: told,
        }
    });
    let told = told.await?;
    if told.len() == MOST_WORDS {
        tracing::warn!("no further undocumented status is told: there are too many");
    }
    stage.words.learn(told);
    Ok(())
}

/// The event with which `word` is told: this one, or that of whoever claimed the word before.
async fn claim(
    context: &Context,
    shard: Shard,
    word: &str,
    event: Event,
    told: &BTreeSet<String>,
) -> Result<Event, StoreError> {
    let claims = memo::<Claims>(context, CLAIMS).in_shard(shard);
    let claimed = claims.change(context, |found| {
        let mut claims = found.value.unwrap_or_default();
        if let Some(event) = claims.remove(word) {
            return Decision::Leave(event);
        }
        claims.retain(|other, _| !told.contains(other));
        claims.insert(word.to_owned(), event.clone());
        Decision::Write {
            value: claims,
            entries: Vec::new(),
            answer: event.clone(),
        }
    });
    claimed.await
}

/// Appends the event that tells `word` to the log of its message, once.
async fn append(stage: &TellUnknown, word: &str, event: &Event) -> Result<(), StoreError> {
    let context = &stage.context;
    let Some(message_id) = &event.message.message_id else {
        return Ok(());
    };
    let shard = context.shard_of(message_id);
    let appended = memo::<BTreeSet<String>>(context, APPENDED).in_shard(shard);
    let appended = appended.change(context, |found| {
        let mut appended = found.value.unwrap_or_default();
        if !appended.insert(word.to_owned()) {
            return Decision::Leave(false);
        }
        Decision::Write {
            value: appended,
            entries: vec![NewEntry::of(std::slice::from_ref(event)).about(message_id)],
            answer: true,
        }
    });
    if appended.await? {
        let status = event.current.as_ref().map(|current| &current.status);
        tracing::warn!(
            status,
            "the provider told a status that it does not document"
        );
        context.metrics.count_event(event.kind);
        let label = OddityLabel { what: "status" };
        context.metrics.oddities.get_or_create(&label).inc();
        stage.log.hint_now(shard);
    }
    Ok(())
}

fn memo<T: Serialize + DeserializeOwned>(context: &Context, name: &str) -> Memo<T> {
    Memo::new(context, name, FORMAT, decode, encode)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    form::decode(FORMAT, bytes)
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    form::encode(FORMAT, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let told = BTreeSet::from(["buffered".to_owned(), "\u{e9}\"\n".to_owned()]);
        assert_eq!(decode(&encode(&told)), Some(told));
        assert_eq!(decode::<BTreeSet<String>>(b""), None);
        assert_eq!(decode::<BTreeSet<String>>(b"\x02[]"), None);
    }
}
