//! Pages of log entries: the newest of all shards, of one message, or of one kind.

use std::collections::{BTreeMap, HashMap, VecDeque};

use futures::future::try_join_all;
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{
    EventFilter, InvalidCursor, NewEntry, Page, PageRequest, Shard, StoreError, shard_of,
};

use super::{RedisStore, StreamEntry};
use crate::error::strange;
use crate::field;

/// A place in all shards' logs together: newest first, by the entries' ids, then by shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// The entries of one shard that were found and are not on the page yet, newest first.
struct Source {
    shard: Shard,
    entries: VecDeque<Found>,
    /// The id before which the rest lies; `None` when nothing is left to read.
    before: Option<String>,
}

/// An entry for the page: where it stands, and what it says, as far as that was read with it.
struct Found {
    position: Position,
    body: Option<Vec<u8>>,
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
    /// `None` if no index helps: all entries are read.
    fn new(filter: &EventFilter) -> Option<Self> {
        let kind = filter.kind.filter(|kind| *kind != NewEntry::COMMON);
        match (&filter.message_id, kind) {
            (Some(id), _) => Some(Self {
                by: "message",
                which: field::place(id),
            }),
            (None, Some(kind)) => Some(Self {
                by: "kind",
                which: kind.as_str().into(),
            }),
            (None, None) => None,
        }
    }
}

/// The cursor of a page that begins before `at`: entries' ids begin with their times.
pub(super) fn before(at: Timestamp) -> String {
    let position = Position {
        // Redis takes no end before its first id.
        millis: u64::try_from(at.as_millis()).unwrap_or(0).max(1),
        number: 0,
        shard: 0,
    };
    position.text()
}

impl RedisStore {
    /// Finds a share of the page in each shard, and more only in those that have more of the newest than
    /// their share. Where an index helps, it reads only those entries that the page shows.
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
        let wanted = Wanted::new(filter);
        let mut count = share(limit, shards.len());
        let source = |shard: Shard| Source {
            shard,
            entries: VecDeque::new(),
            before: Some(from.map_or_else(String::new, |from| from.end_in(shard.0))),
        };
        let mut sources: Vec<_> = shards.into_iter().map(source).collect();
        let mut chosen: Vec<Found> = Vec::new();
        let mut is_all = false;
        while chosen.len() < limit && !is_all {
            let exhausted = sources.iter_mut().filter(|source| source.is_exhausted());
            let reads = exhausted.map(|source| self.read_more(source, wanted.as_ref(), count));
            try_join_all(reads).await?;
            // A shard that has more of the newest than its share has many more.
            count = count.saturating_mul(2).min(limit);
            // Where nothing is there any more of what was to be read, it is read further.
            let newest = |source: &&mut Source| source.entries.front().map(|found| found.position);
            while chosen.len() < limit && !sources.iter().any(Source::is_exhausted) {
                let source = sources.iter_mut().max_by_key(newest);
                let Some(found) = source.and_then(|source| source.entries.pop_front()) else {
                    is_all = true;
                    break;
                };
                chosen.push(found);
            }
        }
        let has_more = |source: &Source| !source.entries.is_empty() || source.before.is_some();
        let last = chosen.last().map(|found| found.position);
        let next = last.filter(|_| sources.iter().any(has_more));
        Ok(Page {
            items: self.bodies(chosen).await?,
            next: next.map(Position::text),
        })
    }

    async fn read_more(
        &self,
        source: &mut Source,
        wanted: Option<&Wanted>,
        count: usize,
    ) -> Result<(), StoreError> {
        let before = source.before.take().unwrap_or_default();
        let (last, found) = match wanted {
            Some(wanted) => {
                self.found_in_index(source.shard, wanted, &before, count)
                    .await?
            }
            None => self.newest_in(source.shard, &before, count).await?,
        };
        source.before = last;
        for (id, body) in found {
            let position = Position::of(&id, source.shard.0);
            let position = position.ok_or_else(|| strange("an entry's id"))?;
            source.entries.push_back(Found { position, body });
        }
        Ok(())
    }

    /// The ids of entries that an index names, and the last one that was looked at if there may be more.
    async fn found_in_index(
        &self,
        shard: Shard,
        wanted: &Wanted,
        before: &str,
        count: usize,
    ) -> Result<Read, StoreError> {
        let mut call = self.call(&self.scripts.events, shard);
        call.arg(wanted.by)
            .arg(&wanted.which[..])
            .arg(before)
            .arg(count);
        let (last, ids): (String, Vec<String>) = self.invoke(&call).await?;
        let last = Some(last).filter(|last| !last.is_empty());
        Ok((last, ids.into_iter().map(|id| (id, None)).collect()))
    }

    /// The newest entries of a shard. A script would copy each of them twice.
    async fn newest_in(
        &self,
        shard: Shard,
        before: &str,
        count: usize,
    ) -> Result<Read, StoreError> {
        let highest = match before {
            "" => "+".to_owned(),
            before => format!("({before}"),
        };
        let mut command = redis::cmd("XREVRANGE");
        command.arg(self.log(shard)).arg(highest).arg("-");
        command.arg("COUNT").arg(count);
        let mut connection = self.connection.clone();
        let entries: Vec<StreamEntry> = command
            .query_async(&mut connection)
            .await
            .map_err(|error| self.error(&error))?;
        let is_full = entries.len() >= count;
        let last = entries.last().map(|(id, _)| id.clone());
        let found = entries.into_iter().map(|(id, fields)| {
            let body = body(fields)?;
            Ok((id, Some(body)))
        });
        let found = found.collect::<Result<_, StoreError>>()?;
        Ok((last.filter(|_| is_full), found))
    }

    /// What the entries of a page say, in their order; those that are gone by now are left out.
    async fn bodies(&self, chosen: Vec<Found>) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut by_shard: BTreeMap<u16, Vec<Position>> = BTreeMap::new();
        for found in chosen.iter().filter(|found| found.body.is_none()) {
            let shard = found.position.shard;
            by_shard.entry(shard).or_default().push(found.position);
        }
        let reads = by_shard
            .into_iter()
            .map(|(shard, positions)| self.bodies_in(Shard(shard), positions));
        let mut read: HashMap<Position, Vec<u8>> =
            try_join_all(reads).await?.into_iter().flatten().collect();
        let bodies = chosen.into_iter().filter_map(|found| match found.body {
            Some(body) => Some(body),
            None => read.remove(&found.position),
        });
        Ok(bodies.collect())
    }

    async fn bodies_in(
        &self,
        shard: Shard,
        positions: Vec<Position>,
    ) -> Result<Vec<(Position, Vec<u8>)>, StoreError> {
        let mut pipeline = redis::pipe();
        for position in &positions {
            let id = format!("{}-{}", position.millis, position.number);
            let command = pipeline.cmd("XRANGE").arg(self.log(shard));
            command.arg(&id).arg(&id);
        }
        let mut connection = self.connection.clone();
        let answers: Vec<Vec<StreamEntry>> = pipeline
            .query_async(&mut connection)
            .await
            .map_err(|error| self.error(&error))?;
        let found = positions.into_iter().zip(answers);
        let found = found.filter_map(|(position, entries)| {
            let (_, fields) = entries.into_iter().next()?;
            Some(body(fields).map(|body| (position, body)))
        });
        found.collect()
    }

    fn log(&self, shard: Shard) -> String {
        format!("{}log", self.base(shard))
    }
}

/// What was read of a shard: where to go on, and the entries' ids and bodies.
type Read = (Option<String>, Vec<(String, Option<Vec<u8>>)>);

/// The body among the fields of an entry, of which it is the first.
fn body(fields: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, StoreError> {
    let first = fields.into_iter().next();
    first
        .map(|(_, body)| body)
        .ok_or_else(|| strange("an entry"))
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
