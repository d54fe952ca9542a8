//! Tells how a campaign does.

use smswatch_api::campaigns::{CampaignOperatorReply, CampaignReply};
use smswatch_core::CampaignView;
use smswatch_model::CampaignOperator;

/// A campaign with what its pages told.
pub(crate) fn campaign(view: CampaignView) -> CampaignReply {
    let summary = view.summary;
    let outcomes = summary.as_ref().map(|summary| {
        [
            ("delivered", summary.delivered),
            ("failed", summary.failed),
            ("pending", summary.pending),
        ]
    });
    let outcomes = outcomes.into_iter().flatten();
    let by_outcome = outcomes.map(|(outcome, count)| (outcome.to_owned(), count));
    CampaignReply {
        tracking_id: view.tracking_id,
        name: summary.as_ref().and_then(|summary| summary.name.clone()),
        state: view.state.as_str().into(),
        tags: view.tags,
        messages: summary.as_ref().map(|summary| summary.messages),
        by_outcome: by_outcome.collect(),
        cost: summary.as_ref().map(|summary| summary.cost.clone()),
        cost_of_failed: summary
            .as_ref()
            .map(|summary| summary.cost_of_failed.clone()),
        by_status: summary
            .as_ref()
            .map(|summary| summary.by_status.clone())
            .unwrap_or_default(),
        slowest_operators: summary
            .map(|summary| {
                summary
                    .slowest_operators
                    .into_iter()
                    .map(operator)
                    .collect()
            })
            .unwrap_or_default(),
        trouble: view.trouble,
        next_poll_at: view.next_poll_at,
        registered_at: view.registered_at,
        ended_at: view.ended_at,
        unreadable: !view.is_readable,
    }
}

fn operator(operator: CampaignOperator) -> CampaignOperatorReply {
    CampaignOperatorReply {
        operator: operator.operator,
        messages: operator.messages,
        failed: operator.failed,
        median_seconds: operator.median_seconds,
    }
}
