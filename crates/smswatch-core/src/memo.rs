//! Memos: what all processes know together, each read and changed as a whole.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::store::{NewEntry, Shard, StoreError, shard_of};

/// How often a change is tried when other processes change the memo meanwhile.
const TRIES: u32 = 20;

/// How long is waited at most before it is tried again, times the number of tries, so that processes that change a memo
/// at the same moment do not do so again.
const PAUSE: Duration = Duration::from_millis(2);

/// Where a memo lies, and the form in which this version keeps it.
pub(crate) struct Memo<T> {
    shard: Shard,
    name: String,
    format: u8,
    decode: fn(&[u8]) -> Option<T>,
    encode: fn(&T) -> Vec<u8>,
}

/// What a memo says.
#[derive(Debug)]
pub(crate) struct Found<T> {
    /// `None` if there is no memo, or if it is damaged.
    pub(crate) value: Option<T>,
    /// When it was asked for: it says what held then or later.
    pub(crate) as_of: Instant,
}

/// What becomes of a memo.
#[derive(Debug)]
pub(crate) enum Decision<T, A> {
    /// It stays as it is.
    Leave(A),
    /// It says `value` from now on, and `entries` are appended to its shard's log in the same step.
    Write {
        value: T,
        entries: Vec<NewEntry>,
        answer: A,
    },
}

impl<T> Memo<T> {
    /// The memo called `name`, in the shard of that name.
    pub(crate) fn new(
        context: &Context,
        name: impl Into<String>,
        format: u8,
        decode: fn(&[u8]) -> Option<T>,
        encode: fn(&T) -> Vec<u8>,
    ) -> Self {
        let name = name.into();
        Self {
            shard: shard_of(&name, context.store.shard_count()),
            name,
            format,
            decode,
            encode,
        }
    }

    /// The same in another shard.
    pub(crate) fn in_shard(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    pub(crate) fn shard(&self) -> Shard {
        self.shard
    }

    /// Reads it. A memo in a form of another version is left to that one: this version then keeps another beside it, of
    /// its own format, so that neither loses what the other knows.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn read(&self, context: &Context) -> Result<Found<T>, StoreError> {
        Ok(self.fetch(context).await?.found)
    }

    /// Changes it as `decide` says, which is asked again if another process has changed the memo meanwhile. Returns the
    /// answer that goes with the decision that was carried out.
    ///
    /// # Errors
    ///
    /// The store is not available, or other processes change the memo all the time.
    pub(crate) async fn change<A>(
        &self,
        context: &Context,
        mut decide: impl FnMut(Found<T>) -> Decision<T, A>,
    ) -> Result<A, StoreError> {
        for tries in 1..=TRIES {
            let Fetched {
                name,
                version,
                found,
            } = self.fetch(context).await?;
            let (value, entries, answer) = match decide(found) {
                Decision::Leave(answer) => return Ok(answer),
                Decision::Write {
                    value,
                    entries,
                    answer,
                } => ((self.encode)(&value), entries, answer),
            };
            let store = &context.store;
            let put = store.put_memo(self.shard, &name, version, value, entries);
            if context.call("put_memo", put).await? {
                return Ok(answer);
            }
            tokio::time::sleep(PAUSE.mul_f64(f64::from(tries) * fastrand::f64())).await;
        }
        let why = format!("other processes change `{}` all the time", self.name);
        Err(StoreError::Unavailable(why))
    }

    async fn fetch(&self, context: &Context) -> Result<Fetched<T>, StoreError> {
        let as_of = Instant::now();
        let fetched = self.fetch_as(context, self.name.clone(), as_of).await?;
        if fetched.version.is_none() || fetched.found.value.is_some() {
            return Ok(fetched);
        }
        context.metrics.unreadable.inc();
        let own = format!("{}:format-{}", self.name, self.format);
        self.fetch_as(context, own, as_of).await
    }

    async fn fetch_as(
        &self,
        context: &Context,
        name: String,
        as_of: Instant,
    ) -> Result<Fetched<T>, StoreError> {
        let memo = context.store.memo(self.shard, &name);
        let memo = context.call("memo", memo).await?;
        let version = memo.as_ref().map(|memo| memo.version);
        let value = memo.and_then(|memo| (self.decode)(&memo.value));
        Ok(Fetched {
            name,
            version,
            found: Found { value, as_of },
        })
    }
}

impl<T> fmt::Debug for Memo<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Memo")
            .field("shard", &self.shard)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A memo as it was read.
struct Fetched<T> {
    /// The name under which this version changes it.
    name: String,
    /// Which version a change must expect; `None` if there is no memo.
    version: Option<u64>,
    found: Found<T>,
}
