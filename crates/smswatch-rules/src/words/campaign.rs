//! How a campaign did, in plain words.

use std::time::Duration;

use smswatch_model::{CampaignOperator, CampaignSummary, Event, percent, plain_word};

use crate::duration::plain_duration;

/// How many operators and statuses a text names.
const MOST_NAMED: usize = 5;

/// `Campaign Spring has ended: 120 of 4,000 messages failed, 3.0 %`.
pub(super) fn title(event: &Event) -> String {
    let name = event
        .about
        .as_ref()
        .map_or_else(|| "?".to_owned(), |about| plain_word(&about.name));
    let Some(summary) = summary(event) else {
        return format!("Campaign {name} could not be followed");
    };
    match (summary.messages, summary.pending) {
        (0, _) => format!("Campaign {name}: no message is known"),
        (_, 0) => format!("Campaign {name} has ended: {}", failed(summary)),
        (messages, pending) => format!(
            "Campaign {name} is not followed any longer: {pending} of {messages} messages have no final status"
        ),
    }
}

fn failed(summary: &CampaignSummary) -> String {
    let (failed, messages) = (summary.failed, summary.messages);
    if failed == 0 {
        return match messages {
            1 => "its message was delivered".to_owned(),
            _ => format!("all {messages} messages were delivered"),
        };
    }
    let share = percent(failed, messages);
    format!("{failed} of {messages} messages failed, {share:.1} %")
}

/// Counts, cost, statuses and the slowest operators, a line for each.
pub(super) fn text(event: &Event) -> String {
    let Some(summary) = summary(event) else {
        let about = event.about.as_ref();
        let trouble = about.and_then(|about| about.description.as_deref());
        return format!(
            "Its pages could not be had: {}",
            trouble.map_or_else(|| "?".to_owned(), plain_word)
        );
    };
    if summary.messages == 0 {
        return format!(
            "Campaign id {}. Check that it is the tracking id that Routee gave the campaign.",
            plain_word(summary.tracking_id.as_str())
        );
    }
    let mut lines = vec![format!(
        "{} delivered, {} failed, {} without a final status",
        summary.delivered, summary.failed, summary.pending
    )];
    let mut statuses: Vec<(&String, &u64)> = summary.by_status.iter().collect();
    statuses.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let statuses = statuses.into_iter().take(MOST_NAMED);
    let statuses: Vec<String> = statuses
        .map(|(status, count)| format!("{} {count}", plain_word(status)))
        .collect();
    lines.push(format!("Parts: {}", statuses.join(", ")));
    lines.push(format!(
        "Cost: {}, of which {} for messages that failed",
        summary.cost, summary.cost_of_failed
    ));
    let slowest = summary.slowest_operators.iter().filter_map(operator);
    let slowest: Vec<String> = slowest.take(MOST_NAMED).collect();
    if !slowest.is_empty() {
        lines.push(format!("Slowest operators: {}", slowest.join("; ")));
    }
    lines.push(format!(
        "Campaign id: {}",
        plain_word(summary.tracking_id.as_str())
    ));
    lines.join("\n")
}

/// `Example Mobile, half delivered after 42 s, 3 of 90 failed`.
fn operator(operator: &CampaignOperator) -> Option<String> {
    let name = match operator.operator.as_str() {
        "" => "an unknown operator".to_owned(),
        name => plain_word(name),
    };
    let median = plain_duration(Duration::from_secs(operator.median_seconds?));
    let (failed, messages) = (operator.failed, operator.messages);
    Some(format!(
        "{name}, half delivered after {median}, {failed} of {messages} failed"
    ))
}

fn summary(event: &Event) -> Option<&CampaignSummary> {
    event.about.as_ref()?.campaign.as_deref()
}
