//! Pages through the log entries that could not be routed.

use std::cmp::Reverse;

use smswatch_model::Timestamp;

use super::Service;
use super::cursors::{self, List};
use super::error::ServiceError;
use crate::store::{InvalidCursor, KeptAside, LogPosition, Page, PageRequest};

/// Where an entry stands in the list, the newest first.
type SortKey = (Reverse<Timestamp>, bool, u16, Reverse<LogPosition>);

impl Service {
    /// The log entries that could not be routed and are kept, newest first. A store keeps so few that it tells all at
    /// once; a page is a part of them.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn set_aside(&self, request: &PageRequest) -> Result<Page<KeptAside>, ServiceError> {
        let privacy = &self.context.privacy;
        let request = cursors::unseal(privacy, List::SetAside, request)?;
        let set_aside = self.context.store.set_aside();
        let kept = self.context.call("set_aside", set_aside).await?;
        Ok(cursors::seal(
            privacy,
            List::SetAside,
            page(kept, &request)?,
        ))
    }
}

/// The page of all that are kept.
fn page(mut kept: Vec<KeptAside>, request: &PageRequest) -> Result<Page<KeptAside>, InvalidCursor> {
    kept.sort_by_key(place);
    if let Some(cursor) = &request.cursor {
        let last = read(cursor).ok_or(InvalidCursor)?;
        kept.retain(|kept| place(kept) > last);
    }
    let has_more = kept.len() > request.limit;
    kept.truncate(request.limit);
    let next = kept.last().filter(|_| has_more).map(cursor_behind);
    Ok(Page { items: kept, next })
}

fn place(kept: &KeptAside) -> SortKey {
    let entry = &kept.entry;
    let position = Reverse(entry.position.clone());
    (Reverse(kept.at), entry.is_newer, kept.shard.0, position)
}

/// The cursor of a page that begins behind an entry.
fn cursor_behind(kept: &KeptAside) -> String {
    let (entry, at) = (&kept.entry, kept.at.as_millis());
    let newer = u8::from(entry.is_newer);
    format!("{at}~{newer}~{}~{}", kept.shard.0, entry.position.0)
}

fn read(cursor: &str) -> Option<SortKey> {
    let mut words = cursor.splitn(4, '~');
    let at = Timestamp::from_millis(words.next()?.parse().ok()?);
    let is_newer = words.next()? == "1";
    let shard = words.next()?.parse().ok()?;
    let position = LogPosition(words.next()?.to_owned());
    Some((Reverse(at), is_newer, shard, Reverse(position)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{SetAside, Shard};

    fn entry(shard: u16, at: i64, position: &str, is_newer: bool) -> KeptAside {
        KeptAside {
            shard: Shard(shard),
            at: Timestamp::from_seconds(at),
            entry: SetAside {
                position: LogPosition(position.to_owned()),
                error: "it is damaged".to_owned(),
                body: Vec::new(),
                is_newer,
            },
        }
    }

    #[test]
    fn pages_of_any_size_tell_each_entry_once_the_newest_first() {
        let kept = vec![
            entry(0, 20, "9-0", false),
            entry(0, 20, "10-0", false),
            entry(1, 20, "10-0", false),
            entry(1, 20, "10-0", true),
            entry(3, 40, "1-1", true),
            entry(2, 30, "7", false),
        ];
        let whole = PageRequest {
            cursor: None,
            limit: 100,
        };
        let whole = page(kept.clone(), &whole).expect("a page");
        assert_eq!((whole.items.len(), whole.next), (6, None));
        let order: Vec<_> = whole
            .items
            .iter()
            .map(|kept| kept.at.as_seconds())
            .collect();
        assert_eq!(order, [40, 30, 20, 20, 20, 20]);
        for limit in 1..7 {
            let (mut told, mut cursor) = (Vec::new(), None);
            loop {
                let request = PageRequest { cursor, limit };
                let part = page(kept.clone(), &request).expect("a page");
                assert!(part.items.len() <= limit);
                told.extend(part.items);
                cursor = part.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(told, whole.items, "{limit}");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for cursor in ["", "x", "1~0", "1~0~x~1", "~~~"] {
            let request = PageRequest {
                cursor: Some(cursor.to_owned()),
                limit: 1,
            };
            assert_eq!(page(Vec::new(), &request), Err(InvalidCursor), "{cursor}");
        }
    }
}
