//! What is left at the end, as a replica's API tells it.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

/// Deliveries that wait.
pub(super) const WAITING: &str = "deliveries?state=pending";
/// Deliveries that were given up.
pub(super) const DEAD: &str = "deliveries?state=dead";
/// Deliveries that were held back.
pub(super) const SUPPRESSED: &str = "deliveries?state=suppressed";
/// Log entries that could not be routed.
pub(super) const SET_ASIDE: &str = "set-aside?";

/// The items of a list, as far as one page tells; nothing where nobody answers.
pub(super) async fn ask(
    doors: &[watch::Receiver<Option<String>>],
    list: &str,
) -> Option<Vec<String>> {
    let url = doors.iter().find_map(|door| door.borrow().clone())?;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20));
    let request = client.build().ok()?;
    let answer = request.get(format!("{url}/v1/{list}&limit=1000")).send();
    let answer = answer.await.ok()?.error_for_status().ok()?;
    let page: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    let items = page["items"].as_array()?;
    Some(items.iter().map(Value::to_string).collect())
}
