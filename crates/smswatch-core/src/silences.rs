//! What is held back just now: by silences, which all processes share, and by maintenance windows.
//!
//! Silences stand in one memo. Each process reads it at most once a second, and only while there is something
//! to tell, so no step waits for it. A silence holds in every process about a second after it was added.

mod hold;
pub(crate) mod keep;
mod shelf;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_model::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) use self::hold::{Hold, Holds, maintenance_reason, silence_id};
pub use self::shelf::Silence;
pub(crate) use self::shelf::{MOST_KEPT, Shelf};
use crate::context::Context;
use crate::memo::{Decision, Memo};
use crate::rules::{HoldBack, Rules};
use crate::store::{NewDelivery, StoreError};

/// The memo's name.
const MEMO: &str = "silences";

/// How old what is known may be when something is judged by it.
const FRESH: Duration = Duration::from_secs(1);

/// How long the store is waited for before what was known last holds.
const PROMPT: Duration = Duration::from_millis(500);

/// The silences, as one process knows them.
#[derive(Debug)]
pub(crate) struct Silences {
    rules: Arc<dyn Rules>,
    known: Mutex<Known>,
    /// There is something to count, or another end to wait for.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// When the store was asked last.
    asked_at: Option<Instant>,
    shelf: Shelf,
    /// What each silence holds back; `None` if this version cannot read its `match`.
    compiled: HashMap<String, Option<Arc<dyn HoldBack>>>,
    holds: Arc<Holds>,
    /// How much was held back by each silence and is not written yet.
    uncounted: BTreeMap<String, u64>,
}

impl Silences {
    pub(crate) fn new(rules: Arc<dyn Rules>) -> Self {
        Self {
            rules,
            known: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// What is held back just now; asks the store when that is not known for sure. What was known last
    /// holds for as long as the store does not say.
    pub(crate) async fn holds(&self, context: &Context) -> Arc<Holds> {
        let asked_at = {
            let mut known = self.known();
            let asked_at = known.asked_at;
            if asked_at.is_some_and(|asked_at| asked_at.elapsed() >= FRESH) {
                // Meanwhile other tasks use what is known.
                known.asked_at = Some(Instant::now());
            }
            asked_at
        };
        match asked_at {
            Some(asked_at) if asked_at.elapsed() < FRESH => {}
            Some(_) => {
                if let Ok(Err(error)) = tokio::time::timeout(PROMPT, self.read(context)).await {
                    tracing::debug!(%error, "silences hold as they were known last");
                }
            }
            // Nothing is known yet: something may be silenced that is about to be told.
            None => {
                if let Err(error) = self.read(context).await {
                    tracing::debug!(%error, "silences are not known yet");
                }
            }
        }
        Arc::clone(&self.known().holds)
    }

    /// Reads what all processes know.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn read(&self, context: &Context) -> Result<(), StoreError> {
        let found = memo(context).read(context).await?;
        self.take(context, found.value.unwrap_or_default());
        Ok(())
    }

    /// Changes what all processes know; `change` may be called several times, on what others have changed
    /// meanwhile. Nothing is written if it returns an error.
    ///
    /// # Errors
    ///
    /// The store did not take it.
    pub(crate) async fn change<T, E>(
        &self,
        context: &Context,
        mut change: impl FnMut(&mut Shelf, Timestamp) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let keep_for = context.settings().history.deliveries.keep_for;
        let memo = memo(context);
        let changed = memo.change(context, |found| {
            let before = found.value.unwrap_or_default();
            let mut after = before.clone();
            let now = context.clock.now();
            let changed = match change(&mut after, now) {
                Ok(changed) => changed,
                Err(refused) => return Decision::Leave(Err(refused)),
            };
            after.prune(now, keep_for);
            let answer = Ok((changed, after.clone()));
            if after == before {
                return Decision::Leave(answer);
            }
            Decision::Write {
                value: after,
                entries: Vec::new(),
                answer,
            }
        });
        Ok(changed.await?.map(|(changed, shelf)| {
            self.take(context, shelf);
            changed
        }))
    }

    /// Takes over what the store says.
    fn take(&self, context: &Context, shelf: Shelf) {
        let now = context.clock.now();
        let windows = self.rules.open_windows(now);
        let mut known = self.known();
        known.asked_at = Some(Instant::now());
        known
            .compiled
            .retain(|id, _| shelf.silences().iter().any(|silence| silence.id == *id));
        let mut holds = Holds::default();
        for silence in shelf.active(now) {
            if let Some(hold_back) = self.compiled(&mut known.compiled, silence) {
                holds.add(Hold::of_silence(&silence.id, silence.until, hold_back));
            }
        }
        for window in windows {
            holds.add(Hold::of_window(window));
        }
        let count = shelf.active(now).count();
        let gauge = &context.metrics.silences;
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        known.holds = Arc::new(holds);
        known.shelf = shelf;
        self.changed.notify_one();
    }

    fn compiled(
        &self,
        compiled: &mut HashMap<String, Option<Arc<dyn HoldBack>>>,
        silence: &Silence,
    ) -> Option<Arc<dyn HoldBack>> {
        if let Some(known) = compiled.get(&silence.id) {
            return known.clone();
        }
        let made = match self.rules.hold_back(&silence.matching) {
            Ok(made) => Some(made.hold_back),
            Err(error) => {
                let id = &silence.id;
                tracing::warn!(id, %error, "a silence of another version holds back nothing here");
                None
            }
        };
        compiled.insert(silence.id.clone(), made.clone());
        made
    }

    /// All silences that are kept, as far as this process knows.
    pub(crate) fn shelf(&self) -> Shelf {
        self.known().shelf.clone()
    }

    /// Counts what was held back by silences.
    pub(crate) fn held_back<'d>(&self, deliveries: impl IntoIterator<Item = &'d NewDelivery>) {
        let notes = deliveries
            .into_iter()
            .filter_map(|delivery| delivery.suppressed.as_ref());
        self.count(notes.map(|note| note.detail.as_str()));
    }

    /// Counts what was held back for these reasons.
    pub(crate) fn count<'r>(&self, reasons: impl IntoIterator<Item = &'r str>) {
        let mut ids = reasons.into_iter().filter_map(silence_id).peekable();
        if ids.peek().is_none() {
            return;
        }
        let mut known = self.known();
        for id in ids {
            *known.uncounted.entry(id.to_owned()).or_default() += 1;
        }
        self.changed.notify_one();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the processes keep the silences.
fn memo(context: &Context) -> Memo<Shelf> {
    let format = Shelf::FORMAT;
    Memo::new(context, MEMO, format, Shelf::decode, Shelf::encode)
}
