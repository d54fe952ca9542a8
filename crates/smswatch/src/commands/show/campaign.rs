//! What is known of a campaign, for people.

use std::fmt::Write as _;

use smswatch_api::campaigns::{CampaignOperatorReply, CampaignReply};
use smswatch_api::watches::WatchState;

use crate::plain::plain;

/// The whole answer.
pub(super) fn render(campaign: &CampaignReply) -> String {
    let name = campaign.name.as_deref().map(plain);
    let name = name.map_or_else(String::new, |name| format!(" ({name})"));
    let state = match &campaign.state {
        WatchState::Watching => "followed",
        WatchState::Final => "each message has ended",
        WatchState::GaveUp => "not followed any longer: some messages have no final status",
        WatchState::NotFound => "not known to Routee",
        WatchState::Other(word) => word,
    };
    let state = match campaign.unreadable {
        true => "this version of smswatch cannot read it; the later one that wrote it can",
        false => state,
    };
    let mut text = format!(
        "Campaign {}{name}: {}\n",
        campaign.tracking_id,
        plain(state)
    );
    let mut line = |label: &str, value: &str| {
        let _written = writeln!(text, "  {label:<11}{}", plain(value));
    };
    for (label, at) in [
        ("registered", campaign.registered_at),
        ("next look", campaign.next_poll_at),
        ("ended", campaign.ended_at),
    ] {
        if let Some(at) = at {
            line(label, &at.to_string());
        }
    }
    if let Some(trouble) = &campaign.trouble {
        line("trouble", trouble);
    }
    if let Some(messages) = campaign.messages {
        let [delivered, failed, pending] =
            ["delivered", "failed", "pending"].map(|outcome| campaign.count(outcome));
        line(
            "messages",
            &format!(
                "{messages}: {delivered} delivered, {failed} failed, {pending} without a final status"
            ),
        );
    }
    let mut statuses: Vec<(&String, &u64)> = campaign.by_status.iter().collect();
    statuses.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let statuses = statuses.into_iter();
    let statuses: Vec<String> = statuses
        .map(|(status, count)| format!("{status} {count}"))
        .collect();
    if !statuses.is_empty() {
        line("parts", &statuses.join(", "));
    }
    if let (Some(cost), Some(of_failed)) = (&campaign.cost, &campaign.cost_of_failed) {
        line(
            "cost",
            &format!("{cost}, of which {of_failed} for messages that failed"),
        );
    }
    let tags = campaign.tags.iter();
    let tags: Vec<String> = tags
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !tags.is_empty() {
        line("tags", &tags.join(", "));
    }
    let slowest: Vec<String> = campaign
        .slowest_operators
        .iter()
        .filter_map(operator)
        .collect();
    if !slowest.is_empty() {
        let _written = writeln!(text, "\nSlowest operators\n  {}", slowest.join("\n  "));
    }
    text
}

fn operator(operator: &CampaignOperatorReply) -> Option<String> {
    let name = match operator.operator.as_str() {
        "" => "unknown".to_owned(),
        name => plain(name),
    };
    let seconds = operator.median_seconds?;
    let (failed, messages) = (operator.failed, operator.messages);
    Some(format!(
        "{name}: half delivered after {seconds} s, {failed} of {messages} failed"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_campaign_is_shown_with_its_progress() {
        let campaign = json!({
            "tracking_id": "spring-2026", "name": "Spring", "state": "watching", "tags": {"team": "crm"},
            "messages": 40, "by_outcome": {"delivered": 30, "failed": 2, "pending": 8},
            "by_status": {"Delivered": 30, "Sent": 8, "Unknown Number": 2},
            "cost": 1.44, "cost_of_failed": 0.072,
            "slowest_operators": [
                {"operator": "Example Mobile", "messages": 20, "failed": 2, "median_seconds": 130},
                {"operator": "", "messages": 20, "failed": 0, "median_seconds": null}
            ],
            "trouble": null, "next_poll_at": "2026-05-01T10:29:00Z",
            "registered_at": "2026-05-01T10:28:00Z", "ended_at": null
        });
        let campaign: CampaignReply = serde_json::from_value(campaign).expect("a campaign");
        insta::assert_snapshot!(render(&campaign));
    }

    #[test]
    fn a_campaign_that_cannot_be_read_says_so() {
        let campaign = json!({
            "tracking_id": "spring-2026", "name": null, "state": "watching", "messages": null, "cost": null,
            "cost_of_failed": null, "trouble": null, "next_poll_at": null, "registered_at": null, "ended_at": null,
            "unreadable": true
        });
        let campaign: CampaignReply = serde_json::from_value(campaign).expect("a campaign");
        let expected = "Campaign spring-2026: this version of smswatch cannot read it; the later one that wrote it can\n";
        assert_eq!(render(&campaign), expected);
    }
}
