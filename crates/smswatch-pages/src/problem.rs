//! Pages that say why there is no other: what was asked for is not there, or cannot be done now.

use maud::html;

use crate::frame::{Frame, Place, bare, page};
use crate::words;

/// Why a request was not done: `heading` in a few words, `message` in a sentence of the API.
#[must_use]
pub fn problem(frame: &Frame, heading: &str, message: &str) -> String {
    let body = html! {
        h1 { (heading) }
        p.wrong { (words::paragraph(message)) }
        p { a href="/" { "Back to what is going on now" } }
    };
    page(frame, Place::Elsewhere, heading, body)
}

/// What is shown until the service has started; `trouble` is what it waits for.
#[must_use]
pub fn starting(trouble: Option<&str>) -> String {
    bare(
        "Starting",
        &html! {
            h1 { "smswatch is starting" }
            @match trouble {
                Some(trouble) => p.wrong { "It waits for its store: " (words::paragraph(trouble)) },
                None => p { "It is ready in a moment." }
            }
            p { a href="/" { "Try again" } }
        },
    )
}
