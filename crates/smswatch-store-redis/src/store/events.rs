//! Pages of log entries: the newest of all shards, of one message, or of one kind.

use std::collections::VecDeque;

use futures::future::try_join_all;
use smswatch_plugin::store::{
    EventFilter, InvalidCursor, NewEntry, Page, PageRequest, Shard, StoreError, shard_of,
};

use super::RedisStore;
use crate::delivery::text;
use crate::error::strange;
use crate::field;

/// A place in all shards' logs together: newest first, by the entries' ids, then by shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    millis: u64,
    number: u64,
    shard: u16,
}

impl Position {
    fn of(id: &str, shard: u16) -> Option<Self> {
        let (millis, number) = id.split_once('-')?;
        Some(Self {
            millis: millis.parse().ok()?,
            number: number.parse().ok()?,
            shard,
        })
    }

    /// Reads a cursor; none has an instant or a number that no entry could have.
    fn parse(text: &str) -> Result<Self, InvalidCursor> {
        let (id, shard) = text.rsplit_once('-').ok_or(InvalidCursor)?;
        let shard = shard.parse().map_err(|_| InvalidCursor)?;
        Self::of(id, shard)
            .filter(|position| position.millis < 1 << 48 && position.number < 1 << 48)
            .ok_or(InvalidCursor)
    }

    fn text(self) -> String {
        format!("{}-{}-{}", self.millis, self.number, self.shard)
    }

    /// The id before which all entries of `shard` lie that lie behind this place.
    fn end_in(self, shard: u16) -> String {
        let number = self.number + u64::from(shard < self.shard);
        format!("{}-{number}", self.millis)
    }
}

/// The entries of one shard that were read and are not on the page yet, newest first.
struct Source {
    shard: Shard,
    entries: VecDeque<(Position, Vec<u8>)>,
    /// The id before which the rest lies; none when nothing is left to read.
    before: Option<String>,
}

impl Source {
    fn is_exhausted(&self) -> bool {
        self.entries.is_empty() && self.before.is_some()
    }
}

/// What a filter asks the index for.
struct Wanted {
    by: &'static str,
    which: Vec<u8>,
}

impl Wanted {
    fn new(filter: &EventFilter) -> Self {
        let kind = filter.kind.filter(|kind| *kind != NewEntry::COMMON);
        match (&filter.message_id, kind) {
            (Some(id), _) => Self {
                by: "message",
                which: field::place(id),
            },
            (None, Some(kind)) => Self {
                by: "kind",
                which: kind.as_str().into(),
            },
            (None, None) => Self {
                by: "",
                which: Vec::new(),
            },
        }
    }
}

impl RedisStore {
    /// Reads a share of the page from each shard, and more only from those that have more of the
    /// newest than their share.
    pub(super) async fn event_page(
        &self,
        filter: &EventFilter,
        request: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError> {
        let from = request.cursor.as_deref().map(Position::parse).transpose()?;
        let shards = match &filter.message_id {
            Some(id) => vec![shard_of(id.as_str(), self.shards)],
            None => (0..self.shards).map(Shard).collect(),
        };
        let limit = request.limit.max(1);
        let share = share(limit, shards.len());
        let source = |shard: Shard| Source {
            shard,
            entries: VecDeque::new(),
            before: Some(from.map_or_else(String::new, |from| from.end_in(shard.0))),
        };
        let mut sources: Vec<_> = shards.into_iter().map(source).collect();
        let wanted = Wanted::new(filter);
        let (mut items, mut last, mut count) = (Vec::new(), None, share);
        while items.len() < limit {
            let exhausted = sources.iter_mut().filter(|source| source.is_exhausted());
            let reads = exhausted.map(|source| self.read_more(source, &wanted, count));
            try_join_all(reads).await?;
            count = limit - items.len();
            if sources.iter().any(Source::is_exhausted) {
                // Nothing that it was to read is there any more.
                continue;
            }
            let newest = |source: &&mut Source| source.entries.front().map(|(place, _)| *place);
            while items.len() < limit && !sources.iter().any(Source::is_exhausted) {
                let Some(source) = sources.iter_mut().max_by_key(newest) else {
                    break;
                };
                let Some((position, body)) = source.entries.pop_front() else {
                    return Ok(Page { items, next: None });
                };
                items.push(body);
                last = Some(position);
            }
        }
        let has_more = |source: &Source| !source.entries.is_empty() || source.before.is_some();
        let next = last.filter(|_| sources.iter().any(has_more));
        Ok(Page {
            items,
            next: next.map(Position::text),
        })
    }

    async fn read_more(
        &self,
        source: &mut Source,
        wanted: &Wanted,
        count: usize,
    ) -> Result<(), StoreError> {
        let mut call = self.call(&self.scripts.events, source.shard);
        call.arg(wanted.by)
            .arg(&wanted.which[..])
            .arg(source.before.as_deref().unwrap_or_default())
            .arg(count);
        let (last, found): (String, Vec<Vec<u8>>) = self.invoke(&call).await?;
        source.before = Some(last).filter(|last| !last.is_empty());
        let mut found = found.into_iter();
        while let (Some(id), Some(body)) = (found.next(), found.next()) {
            let position = Position::of(text(&id)?, source.shard.0);
            let position = position.ok_or_else(|| strange("an entry's id"))?;
            source.entries.push_back((position, body));
        }
        Ok(())
    }
}

/// How many entries of each of `shards` are read at first: what it has of the newest `limit`, and as
/// many more as chance mostly adds.
fn share(limit: usize, shards: usize) -> usize {
    let even = limit.div_ceil(shards.max(1));
    limit.min(even + 2 * even.isqrt() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_little_more_than_it_shows() {
        assert_eq!(share(100, 1), 100);
        assert_eq!(share(100, 16), 12);
        assert_eq!(share(1000, 16), 78);
        assert_eq!(share(1, 16), 1);
    }

    #[test]
    fn a_cursor_that_no_entry_could_have_is_refused() {
        let text = "1777631330000-3-15";
        assert_eq!(
            Position::parse(text).map(Position::text).as_deref(),
            Ok(text)
        );
        for text in [
            "",
            "x",
            "1-2",
            "1-2-70000",
            "-1-2-3",
            "1-99999999999999999-3",
        ] {
            assert_eq!(Position::parse(text), Err(InvalidCursor), "{text}");
        }
    }
}
