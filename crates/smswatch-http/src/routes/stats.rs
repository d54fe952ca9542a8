//! `/v1/stats`: what became of messages in the last while.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use smswatch_api::stats::{StatsQuery, StatsReply};
use smswatch_core::Service;
use smswatch_core::stats::Stats;

use crate::problem::Problem;
use crate::query::{Filter, wanted};
use crate::replies;
use crate::since;

/// How far back the figures go by default.
const WINDOW: &str = "24h";

/// The shortest window that can be asked for; figures are by the hour.
const SHORTEST: Duration = Duration::from_secs(60);

pub(super) async fn show(
    State(service): State<Service>,
    Filter(query): Filter<StatsQuery>,
) -> Result<Json<StatsReply>, Problem> {
    let asked = query.window.as_deref().filter(|window| !window.is_empty());
    let text = asked.unwrap_or(WINDOW);
    let window = wanted("window", Some(text), |text| {
        let window = since::duration(text);
        let fits = |window: &Duration| (SHORTEST..=Stats::MAX_WINDOW).contains(window);
        window
            .filter(fits)
            .ok_or("expected a length of time from 1m to 7d, such as 24h")
    })?;
    let stats = service.stats(window.unwrap_or_default()).await?;
    Ok(Json(replies::stats(text, stats)))
}
