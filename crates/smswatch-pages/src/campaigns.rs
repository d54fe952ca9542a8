//! Campaigns: how far each is, how its messages did, the slowest operators, and what failed messages cost.

use maud::{Markup, html};
use smswatch_api::campaigns::CampaignReply;
use smswatch_api::list::ListReply;
use smswatch_api::watches::WatchState;

use crate::frame::{Frame, Place, page};
use crate::table::Column::{Number, Text};
use crate::table::heads;
use crate::{link, words};

/// The outcomes of messages, each with its class of the style.
const OUTCOMES: [(&str, &str); 3] = [
    ("delivered", "delivered"),
    ("failed", "failed"),
    ("pending", "pending"),
];

/// The page of campaigns.
#[must_use]
pub fn campaigns(frame: &Frame, list: &ListReply<CampaignReply>) -> String {
    let body = html! {
        h1 { "Campaigns" }
        @if list.items.is_empty() {
            p.empty {
                "No campaign is followed. Register one: " code { "POST /v1/watches" } " with " code { "campaigns" }
                ", or " code { "smswatch watch --campaign ID" } "."
            }
        }
        @for campaign in &list.items { (article(frame, campaign)) }
        @if let Some(next) = &list.next {
            p { a.button href=(link::query("/campaigns", [("cursor", next.as_str())])) rel="next" { "More" } }
        }
    };
    page(frame, Place::Campaigns, "Campaigns", body)
}

fn article(frame: &Frame, campaign: &CampaignReply) -> Markup {
    let name = campaign
        .name
        .as_deref()
        .unwrap_or(campaign.tracking_id.as_str());
    let count = |outcome: &str| campaign.count(outcome);
    html! {
        article.campaign {
            h2 { (words::line(name)) " " @if !campaign.unreadable { small { (how(&campaign.state)) } } }
            @if campaign.unreadable {
                p.wrong {
                    "This version of smswatch cannot read this campaign: a later version wrote it, or it is damaged. "
                    "The version that wrote it goes on with it."
                }
            } @else if let Some(messages) = campaign.messages {
                @let ended = messages.saturating_sub(count("pending"));
                p {
                    (words::number(ended)) " of " (words::count(messages, "message has", "messages have")) " ended. "
                    meter min="0" max=(messages.max(1)) value=(ended) aria-hidden="true" {}
                }
                dl.figures {
                    @for (outcome, class) in OUTCOMES {
                        div { dt { span class=(format!("state {class}")) { (outcome) } } dd { (words::number(count(outcome))) } }
                    }
                    @if let (Some(cost), Some(failed)) = (&campaign.cost, &campaign.cost_of_failed) {
                        div { dt { "Cost" } dd { (cost.to_string()) small { (failed.to_string()) " of it for what failed" } } }
                    }
                }
            } @else {
                p.empty { "Its messages were not told yet." }
            }
            (operators(campaign))
            dl.facts-of {
                dt { "Id" } dd { code { (words::line(campaign.tracking_id.as_str())) } }
                @if let Some(at) = campaign.registered_at { dt { "Registered" } dd { (words::since(at, frame.now)) } }
                @if let Some(trouble) = &campaign.trouble { dt { "Trouble" } dd { (words::paragraph(trouble)) } }
                @if let Some(next) = campaign.next_poll_at { dt { "Next look" } dd { (words::at(next)) } }
                @if let Some(ended) = campaign.ended_at { dt { "Ended" } dd { (words::at(ended)) } }
            }
        }
    }
}

fn how(state: &WatchState) -> Markup {
    match state {
        WatchState::Watching => html! { "followed" },
        WatchState::Final => html! { "each message has ended" },
        WatchState::GaveUp => html! { "not followed any longer" },
        WatchState::NotFound => html! { "not known to the provider" },
        WatchState::Other(word) => words::line(word),
    }
}

fn operators(campaign: &CampaignReply) -> Markup {
    html! {
        @if !campaign.slowest_operators.is_empty() {
            table.cards {
                thead { tr { (heads(&[Text("Slowest operators"), Number("Half delivered after"), Number("Failed"), Number("Messages")])) } }
                tbody {
                    @for operator in campaign.slowest_operators.iter().take(10) {
                        tr {
                            th scope="row" { @if operator.operator.is_empty() { "unknown" } @else { (words::line(&operator.operator)) } }
                            td.number data-label="Half delivered after" { (operator.median_seconds.map_or("–".to_owned(), words::span)) }
                            td.number data-label="Failed" { (words::number(operator.failed)) }
                            td.number data-label="Messages" { (words::number(operator.messages)) }
                        }
                    }
                }
            }
        }
    }
}
