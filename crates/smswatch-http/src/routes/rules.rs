//! `/v1/rules`: the rules, and how often each fired of late.

use axum::Json;
use axum::extract::State;
use smswatch_api::list::ListReply;
use smswatch_api::rules::RuleReply;
use smswatch_core::Service;

use crate::problem::Problem;
use crate::replies;

/// Lists all of them, from top to bottom: so few that one page holds them.
pub(super) async fn list(
    State(service): State<Service>,
) -> Result<Json<ListReply<RuleReply>>, Problem> {
    let mut fired = service.fired().await?;
    let names = service.rule_names().into_iter();
    let items = names.map(|name| {
        let fired = fired.remove(&name).unwrap_or_default();
        replies::rule(name, fired)
    });
    Ok(Json(ListReply {
        items: items.collect(),
        next: None,
    }))
}
