//! What is left at the end, as a replica's API tells it.

use std::time::Duration;

use serde_json::Value;
use smswatch_api::list::ListReply;
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
    for door in doors {
        let url = door.borrow().clone();
        if let Some(url) = url
            && let Ok(items) = ask_one(&format!("{url}/v1/{list}&limit=1000")).await
        {
            return Some(items);
        }
    }
    None
}

async fn ask_one(url: &str) -> anyhow::Result<Vec<String>> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20));
    let answer = client.build()?.get(url).send().await?.error_for_status()?;
    let page: ListReply<Value> = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(page.items.iter().map(Value::to_string).collect())
}
