//! How an alert looks at a sink, without sending it.

use maud::{Markup, html};
use smswatch_model::{DeliveryId, without_turns};

use crate::frame::{Frame, Place, page};
use crate::{link, words};

/// How many characters of a part are shown.
const LONGEST: usize = 20_000;

/// How an alert looks at a sink.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The sink.
    pub sink: String,
    /// The delivery that is shown; `None` if it is a test notification.
    pub delivery: Option<DeliveryId>,
    /// What is shown, from top to bottom: the name of each part, and its text.
    pub parts: Vec<(String, String)>,
    /// Whether there is a page of HTML, too.
    pub has_html: bool,
}

/// The page that shows how an alert looks at a sink.
#[must_use]
pub fn preview(frame: &Frame, shown: &Shown) -> String {
    let name = words::line(&shown.sink);
    let body = html! {
        h1 { "How an alert looks at " (name) }
        p.hint {
            @match &shown.delivery {
                Some(delivery) => {
                    "Shown is the latest alert for it, "
                    a href=(link::path("/deliveries", delivery.as_str(), "")) { (words::line(delivery.as_str())) }
                },
                None => "No alert was for it yet, so the notification of a test is shown",
            }
            ". Nothing is sent. " a href="/sinks" { "All sinks" }
        }
        @if shown.has_html {
            iframe.preview sandbox="" title="The page of HTML" src=(link::path("/sinks", &shown.sink, "/preview.html")) {}
        }
        @for (name, text) in &shown.parts { (part(name, text)) }
    };
    page(frame, Place::Sinks, "How an alert looks", body)
}

fn part(name: &str, text: &str) -> Markup {
    let text = without_turns(text);
    let all = text.chars().count();
    let text: String = text.chars().take(LONGEST).map(words::printable).collect();
    html! {
        h2 { (words::line(name)) }
        pre.preview tabindex="0" { bdi { (text) } }
        @if all > LONGEST { p.hint { (words::number(u64::try_from(all - LONGEST).unwrap_or(u64::MAX))) " more characters." } }
    }
}
