//! Has messages watched by whichever replica takes them.

use std::time::Duration;

use fastrand::Rng;
use smswatch_api::watches::WatchRequest;
use smswatch_model::Tags;
use tokio::sync::watch;

/// What registers, and does not wait for long where nobody answers.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    let patience = Duration::from_secs(4);
    Ok(reqwest::Client::builder().timeout(patience).build()?)
}

/// Registers with one replica after the other until one says that it has taken them.
pub(super) async fn register(
    client: &reqwest::Client,
    doors: &[watch::Receiver<Option<String>>],
    ids: &[String],
    rng: &mut Rng,
) -> anyhow::Result<()> {
    let body = serde_json::to_vec(&WatchRequest::new(ids, &Tags::new()))?;
    loop {
        let door = &doors[rng.usize(..doors.len())];
        let url = door.borrow().clone();
        if let Some(url) = url {
            let post = client
                .post(format!("{url}/v1/watches"))
                .header("content-type", "application/json")
                .body(body.clone());
            match post.send().await {
                Ok(answer) if answer.status() == 202 => return Ok(()),
                Ok(answer) if answer.status().is_client_error() => {
                    anyhow::bail!("a registration was refused: {}", answer.text().await?)
                }
                // It is away, or Redis is: somebody will take them.
                Ok(_) | Err(_) => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
