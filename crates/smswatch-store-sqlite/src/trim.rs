//! Which rows of a table whose numbers have no gaps a trim removes.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::Timestamp;

/// The least and the greatest number that `query` tells, if there are any.
pub(crate) fn two_ends(connection: &Connection, query: &str) -> Result<Option<(i64, i64)>> {
    connection.prepare_cached(query)?.query_row([], |row| {
        Ok(Option::zip(row.get::<_, Option<_>>(0)?, row.get(1)?))
    })
}

/// The last number, from `first` to `end`, of what a trim removes: all that is older than `since` or up to
/// `surplus`. `query` finds the first one that is younger.
pub(crate) fn last_trimmed(
    connection: &Connection,
    query: &str,
    (first, end): (i64, i64),
    surplus: i64,
    since: Timestamp,
) -> Result<i64> {
    let young: Option<i64> = connection
        .prepare_cached(query)?
        .query_row(params![first, end, since.as_millis()], |row| row.get(0))
        .optional()?;
    Ok(young.map_or(end, |young| (young - 1).max(surplus).min(end)))
}
