//! One delivery with its attempts.

use maud::html;
use smswatch_api::deliveries::{DeliveryReply, DeliveryState};

use super::{has_ended, state};
use crate::frame::{Frame, Place, button, form_key, page};
use crate::table::Column::Text;
use crate::table::heads;
use crate::{link, words};

/// How many messages are named.
const NAMED: usize = 50;

/// The page of one delivery.
#[must_use]
pub fn delivery(frame: &Frame, shown: &DeliveryReply) -> String {
    let id = shown.id.as_str();
    let silence = link::query("/silences/new", [("delivery", id)]);
    let is_dead = shown.state == DeliveryState::Dead;
    let body = html! {
        h1 { "A delivery to " (words::line(&shown.sink)) }
        dl.facts-of {
            dt { "State" } dd { (state(&shown.state)) @if let Some(reason) = &shown.reason { ": " (words::line(reason)) } }
            dt { "Rule" } dd { a href=(link::query("/deliveries", [("rule", shown.rule.as_str())])) { (words::line(&shown.rule)) } }
            dt { "Made" } dd { (words::since(shown.created_at, frame.now)) }
            @if shown.queued_at != shown.created_at { dt { "Queued again" } dd { (words::since(shown.queued_at, frame.now)) } }
            @if let Some(next) = shown.next_attempt_at { dt { "Next attempt" } dd { (words::at(next)) } }
            @if let Some(other) = &shown.instead_of { dt { "Instead of" } dd { (words::line(other)) } }
            dt { "Id" } dd { code { (id) } }
            dt { "Messages" }
            dd {
                @for id in shown.message_ids.iter().take(NAMED) {
                    a href=(link::path("/messages", id.as_str(), "")) { (words::line(id.as_str())) } " "
                }
                @if shown.message_ids.len() > NAMED { "and " (shown.message_ids.len() - NAMED) " more" }
                @if shown.message_ids.is_empty() { "none: it is about smswatch itself, or a rate" }
            }
        }
        @if frame.visitor.may_change {
            div.actions {
                @if has_ended(shown) {
                    (button(frame, &link::path("/deliveries", id, "/retry"), "Send it again", &[]))
                }
                @if is_dead {
                    form.inline method="post" action="/deliveries/confirm" {
                        (form_key(frame))
                        input type="hidden" name="id" value=(id);
                        button type="submit" name="what" value="drop" { "Drop it…" }
                    }
                }
                a.button href=(silence) { "Silence what it tells…" }
            }
        }
        h2 #attempts { "Attempts" }
        @if shown.attempts.is_empty() {
            p.empty { "There was none yet." }
        } @else {
            div.wide tabindex="0" role="region" aria-labelledby="attempts" {
                table.cards {
                    thead { tr { (heads(&["When", "Result", "What was said"].map(Text))) } }
                    tbody {
                        @for attempt in &shown.attempts {
                            tr {
                                td data-label="When" { (words::at(attempt.at)) }
                                td data-label="Result" { (words::line(&attempt.result)) }
                                td data-label="What was said" { (words::paragraph(&attempt.detail)) }
                            }
                        }
                    }
                }
            }
            @if usize::try_from(shown.attempts_made).is_ok_and(|made| made > shown.attempts.len()) {
                p.hint { (words::count(u64::from(shown.attempts_made), "attempt was", "attempts were")) " made in all; the first and the latest are kept." }
            }
        }
    };
    page(
        frame,
        Place::Deliveries,
        &format!("Delivery to {}", shown.sink),
        body,
    )
}
