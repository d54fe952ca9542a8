//! The bodies that stores keep for core: log entries and notifications.
//!
//! Each begins with a format byte, so that a later version can tell what an earlier one wrote.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smswatch_model::{Event, Notification};

const FORMAT: u8 = 1;

/// A stored body that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBody {
    /// Its first byte names no format that this version knows.
    #[error("a stored body has the unknown format {0}")]
    Format(u8),
    /// It is not what its format says.
    #[error("a stored body is damaged")]
    Damaged(#[source] serde_json::Error),
    /// There is nothing at all.
    #[error("a stored body is empty")]
    Empty,
}

impl InvalidBody {
    /// Whether a later version may have written it, and can read it: it is of another format, or it is
    /// whole and says something that this version has no word for.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        match self {
            Self::Format(_) => true,
            Self::Damaged(error) => error.classify() == serde_json::error::Category::Data,
            Self::Empty => false,
        }
    }
}

/// Writes the events of one observation.
#[must_use]
pub fn encode_events(events: &[Event]) -> Vec<u8> {
    encode(&*Event::as_stored(events))
}

/// Reads what [`encode_events`] wrote.
///
/// # Errors
///
/// The body is of another format, or damaged.
pub fn decode_events(body: &[u8]) -> Result<Vec<Event>, InvalidBody> {
    let mut events: Vec<Event> = decode(body)?;
    events.iter_mut().for_each(Event::forget_unknowns);
    Ok(events)
}

/// Writes a notification.
#[must_use]
pub fn encode_notification(notification: &Notification) -> Vec<u8> {
    match Event::as_stored(&notification.events) {
        Cow::Borrowed(_) => encode(notification),
        Cow::Owned(events) => encode(&Notification {
            events,
            ..notification.clone()
        }),
    }
}

/// Reads what [`encode_notification`] wrote.
///
/// # Errors
///
/// The body is of another format, or damaged.
pub fn decode_notification(body: &[u8]) -> Result<Notification, InvalidBody> {
    let mut notification: Notification = decode(body)?;
    let events = notification.events.iter_mut();
    events.for_each(Event::forget_unknowns);
    Ok(notification)
}

/// The sink in whose place the notification in `body` goes to another, without reading the rest of it;
/// `None` if it goes where its rule wants it, or cannot be read.
#[must_use]
pub fn instead_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        instead_of: Option<String>,
    }
    decode::<Part>(body).ok()?.instead_of
}

/// Room for most bodies, so that they need not grow while they are written.
const USUAL: usize = 1536;

fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut body = Vec::with_capacity(USUAL);
    body.push(FORMAT);
    serde_json::to_writer(&mut body, value).expect("these types have string keys only");
    body
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidBody> {
    match body.split_first() {
        None => Err(InvalidBody::Empty),
        Some((&FORMAT, json)) => serde_json::from_slice(json).map_err(InvalidBody::Damaged),
        Some((&format, _)) => Err(InvalidBody::Format(format)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_place_a_notification_takes_is_told_where_it_takes_one() {
        let of = |json: &str| instead_of(format!("\u{1}{json}").as_bytes());
        assert_eq!(
            of(r#"{"rule":"a","instead_of":"pager"}"#),
            Some("pager".to_owned())
        );
        // As versions wrote it that did not note this.
        assert_eq!(of(r#"{"rule":"a","events":[{"x":1}]}"#), None);
        assert_eq!(instead_of(b"\x02{\"instead_of\":\"pager\"}"), None);
    }

    #[test]
    fn what_a_later_version_wrote_is_told_from_what_is_damaged() {
        let is_newer = |body: &[u8]| decode_events(body).expect_err("unreadable").is_newer();
        assert!(is_newer(b"\x02whatever"));
        assert!(is_newer(b"\x01[{\"type\":\"sms.carried_by_pigeon\"}]"));
        for damaged in [&b""[..], b"\x01", b"\x01[{\"type\":", b"\x01no json"] {
            assert!(!is_newer(damaged), "{damaged:?}");
        }
    }
}
