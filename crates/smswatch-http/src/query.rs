//! What stands behind the `?` of a list: filters, cursor and limit.

use std::error::Error as _;
use std::fmt::Display;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use smswatch_plugin::store::PageRequest;

use crate::problem::Problem;

/// How many items a list has by default.
const DEFAULT_LIMIT: usize = 100;

/// How many items a list has at most.
const MAX_LIMIT: usize = 1000;

/// A query that names nothing unknown.
pub(crate) struct Filter<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Filter<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(filter)| Self(filter))
            .map_err(|rejection| {
                let cause = rejection.source().map(ToString::to_string);
                let cause = cause.unwrap_or_else(|| rejection.body_text());
                Problem::invalid(format!("the query cannot be read: {cause}"))
            })
    }
}

/// The page that `cursor` and `limit` ask for; empty ones count as missing.
pub(crate) fn page(cursor: Option<String>, limit: Option<&str>) -> Result<PageRequest, Problem> {
    let limit = wanted("limit", limit, |text| {
        let limit = text.parse().ok();
        limit
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or(format!("expected a whole number from 1 to {MAX_LIMIT}"))
    })?;
    Ok(PageRequest {
        cursor: cursor.filter(|cursor| !cursor.is_empty()),
        limit: limit.unwrap_or(DEFAULT_LIMIT),
    })
}

/// Reads the parameter `name`, if it is there and not empty.
pub(crate) fn wanted<T, E: Display>(
    name: &str,
    text: Option<&str>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Problem> {
    let text = text.filter(|text| !text.is_empty());
    text.map(read)
        .transpose()
        .map_err(|error| Problem::invalid(format!("`{name}`: {error}")))
}

/// Reads one of a few words.
pub(crate) fn one_of<T: Copy>(
    all: &[T],
    word_of: impl Fn(T) -> &'static str,
    text: &str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|item| word_of(*item) == text);
    found.ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|item| word_of(*item)).collect();
        format!("expected one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::store::DeliveryState;

    use super::*;

    #[test]
    fn a_page_has_a_hundred_items_unless_told() {
        let first = page(Some(String::new()), Some("")).expect("empty counts as missing");
        assert_eq!((first.cursor, first.limit), (None, 100));
        let next = page(Some("17~x".to_owned()), Some("1000")).expect("it is within bounds");
        assert_eq!((next.cursor.as_deref(), next.limit), (Some("17~x"), 1000));
        for limit in ["0", "1001", "-1", "ten", "1e2", "99999999999999999999"] {
            assert!(page(None, Some(limit)).is_err(), "{limit}");
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_those_there_are() {
        let read = |text| one_of(&DeliveryState::ALL, DeliveryState::as_str, text);
        assert_eq!(read("dead"), Ok(DeliveryState::Dead));
        let error = read("lost").expect_err("there is no such state");
        assert_eq!(
            error,
            "expected one of pending, delivered, dead, suppressed"
        );
    }
}
