//! What Routee's tracking says of a message, read leniently and kept within bounds.

use smswatch_plugin::model::MessageId;
use smswatch_plugin::provider::Poll;

use crate::guid;
use crate::item::Item;
use crate::loose::clean;
use crate::message::Told;
use crate::rows::{self, Place};

/// Why an answer is no tracking; shows nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTracking {
    /// No row of it can be read, not even leniently.
    #[error("it is not JSON")]
    Json,
    /// It is JSON and tells no part of this message.
    #[error("it tells no part of the message")]
    Strange,
    /// It ends before it is complete, and does not say how many parts there are.
    #[error("it ends before it is complete")]
    Cut,
    /// It is a page for a browser.
    #[error("it is a web page")]
    Page,
    /// It says that something went wrong.
    #[error("it reports an error")]
    Error,
    /// It is JSON and holds no rows, where a page of them was asked for.
    #[error("it is no page of messages")]
    NoPage,
    /// It is a page, and of none of its rows can be read what became of which message.
    #[error("it is a page of which no row can be read")]
    NoRow,
    /// It is a page without rows that says that there are some.
    #[error("it is a page without rows, and says that there are some")]
    Withheld,
}

/// Reads the answer to a poll of `message_id`; an empty list is an answer without information.
///
/// Rows are read one by one, and bytes that are no JSON are replaced: what is odd in one place hides
/// nothing in another.
///
/// # Errors
///
/// The answer is no tracking of this message.
pub fn parse(message_id: &MessageId, body: &[u8]) -> Result<Poll, InvalidTracking> {
    if is_web_page(body) {
        return Err(InvalidTracking::Page);
    }
    let take = |answer: &mut Answer, item: Item, place| match place {
        Place::Row => answer.take(message_id, item),
        Place::AroundRows => {}
    };
    let (answer, shape) = rows::read(body, take).map_err(|rows::NoRows| InvalidTracking::Json)?;
    if shape.is_empty_list && !shape.is_cut {
        return Ok(Poll::Empty);
    }
    let told = answer.told;
    if told.is_empty() {
        return Err(if answer.is_error {
            InvalidTracking::Error
        } else {
            InvalidTracking::Strange
        });
    }
    // Other parts may have stood where it was cut.
    if shape.is_cut && told.part_count().is_none() {
        return Err(InvalidTracking::Cut);
    }
    let report = told.into_report(message_id, shape.is_mended);
    Ok(Poll::Seen(Box::new(report)))
}

/// Whether a body is a page for a browser.
pub(crate) fn is_web_page(body: &[u8]) -> bool {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    text.trim_ascii_start().starts_with(b"<")
}

/// What the rows told so far.
#[derive(Debug, Default)]
struct Answer {
    told: Told,
    is_error: bool,
}

impl Answer {
    fn take(&mut self, message_id: &MessageId, item: Item) {
        self.is_error |= item.is_error;
        // What can be no id, such as one with a wrong byte, names no other message.
        let names_another = item.message_id.0.as_deref().is_some_and(|id| {
            !guid::is_same(&clean(id), message_id.as_str()) && MessageId::new(id.trim()).is_ok()
        });
        if !names_another {
            self.told.take(message_id, item);
        } else {
            self.told.leave_out();
        }
    }
}

#[cfg(test)]
mod tests;
