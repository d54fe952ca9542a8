//! The figures of a shard's latest log entries, which are not among those of their hours yet.
//!
//! An hour tells up to a hundred operators apart: to read and write all of it for each log entry costs more than
//! the rest of its route step. So a step adds to this small record, which is moved into the hours when it has
//! grown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Hour, KIND, News};
use crate::context::Context;
use crate::form;
use crate::hours::{Kind, Stored};
use crate::store::{Shard, StoreError};

/// Not the format of hours, so that neither is taken for the other.
const FORMAT: u8 = 2;

const NAME: &str = "open";

/// How many countries with an operator there are at most, over all hours, before they are moved. An hour of a
/// hundred of them is then written once in about as many entries.
const MOST_GROUPS: usize = 12;

/// By the number of the hour since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Open(BTreeMap<i64, Hour>);

impl Open {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    pub(super) async fn load(context: &Context, shard: Shard) -> Result<Stored<Self>, StoreError> {
        let open = Kind::new(KIND, FORMAT, Self::decode);
        let stored = open.read(context, shard, &[NAME.to_owned()]).await?;
        Ok(stored.into_iter().next().expect("one for each name"))
    }

    pub(super) fn add(&mut self, news: &News) {
        let hour = self.0.entry(news.hour).or_default();
        hour.add(&news.country, &news.operator, &news.tally);
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.values().map(Hour::n_groups).sum::<usize>() > MOST_GROUPS
    }

    pub(super) fn hour(&self, number: i64) -> Option<&Hour> {
        self.0.get(&number)
    }

    /// All that it holds, which is not there any more then.
    pub(super) fn take(&mut self) -> BTreeMap<i64, Hour> {
        std::mem::take(&mut self.0)
    }
}
