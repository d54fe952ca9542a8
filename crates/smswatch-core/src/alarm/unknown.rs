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

use serde::de::DeserializeOwned;
use smswatch_model::Event;

use crate::context::Context;
use crate::form;
use crate::inbox::LogInbox;
use crate::inbox::unknown_words::{MOST_WORDS, UnknownWords};
use crate::memo;
use crate::metrics::OddityLabel;
use crate::store::{NewEntry, Shard, StoreError, shard_of};

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
                if !matches!(report(&stage, &word, event).await, Ok(true)) {
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

/// Tells `word` unless it was told; returns false if another process changed something meanwhile.
async fn report(stage: &TellUnknown, word: &str, event: Event) -> Result<bool, StoreError> {
    let context = &stage.context;
    let shard = shard_of(NAME, context.store.shard_count());
    let mut known = memo::read(context, shard, NAME, FORMAT, decode::<BTreeSet<String>>).await?;
    let mut told = known.value.take().unwrap_or_default();
    if told.len() >= MOST_WORDS || told.contains(word) {
        stage.words.learn(told);
        return Ok(true);
    }
    let Some(event) = claim(context, shard, word, event, &told).await? else {
        return Ok(false);
    };
    if !append(stage, word, &event).await? {
        return Ok(false);
    }
    told.insert(word.to_owned());
    let value = form::encode(FORMAT, &told);
    if !memo::put(context, shard, &known, value, Vec::new()).await? {
        return Ok(false);
    }
    if told.len() == MOST_WORDS {
        tracing::warn!("no further undocumented status is told: there are too many");
    }
    stage.words.learn(told);
    Ok(true)
}

/// The event with which `word` is told: this one, or that of whoever claimed the word before. Returns `None` if another
/// process changed the claims meanwhile.
async fn claim(
    context: &Context,
    shard: Shard,
    word: &str,
    event: Event,
    told: &BTreeSet<String>,
) -> Result<Option<Event>, StoreError> {
    let mut known = memo::read(context, shard, CLAIMS, FORMAT, decode::<Claims>).await?;
    let mut claims = known.value.take().unwrap_or_default();
    if let Some(event) = claims.remove(word) {
        return Ok(Some(event));
    }
    claims.retain(|other, _| !told.contains(other));
    claims.insert(word.to_owned(), event.clone());
    let value = form::encode(FORMAT, &claims);
    let is_done = memo::put(context, shard, &known, value, Vec::new()).await?;
    Ok(is_done.then_some(event))
}

/// Appends the event that tells `word` to the log of its message, once. Returns false if another process did something
/// of the kind meanwhile.
async fn append(stage: &TellUnknown, word: &str, event: &Event) -> Result<bool, StoreError> {
    let context = &stage.context;
    let Some(message_id) = &event.message.message_id else {
        return Ok(true);
    };
    let shard = context.shard_of(message_id);
    let mut known =
        memo::read(context, shard, APPENDED, FORMAT, decode::<BTreeSet<String>>).await?;
    let mut appended = known.value.take().unwrap_or_default();
    if !appended.insert(word.to_owned()) {
        return Ok(true);
    }
    let entry = NewEntry::of(std::slice::from_ref(event)).about(message_id);
    let value = form::encode(FORMAT, &appended);
    let is_done = memo::put(context, shard, &known, value, vec![entry]).await?;
    if is_done {
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
    Ok(is_done)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    form::decode(FORMAT, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let told = BTreeSet::from(["buffered".to_owned(), "\u{e9}\"\n".to_owned()]);
        assert_eq!(decode(&form::encode(FORMAT, &told)), Some(told));
        assert_eq!(decode::<BTreeSet<String>>(b""), None);
        assert_eq!(decode::<BTreeSet<String>>(b"\x02[]"), None);
    }
}
