//! What is left at the end, as a replica's API tells it, and what it is asked to do about it.

use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use smswatch_api::deliveries::DeliveryReply;
use smswatch_api::list::ListReply;
use smswatch_api::silences::{SilenceReply, SilenceRequest};
use smswatch_model::Event;
use tokio::sync::watch;

/// Deliveries that wait.
pub(super) const WAITING: &str = "deliveries?state=pending";
/// Deliveries that were given up.
pub(super) const DEAD: &str = "deliveries?state=dead";
/// Deliveries that were held back.
const SUPPRESSED: &str = "deliveries?state=suppressed";
/// All events of the log, newest first.
const EVENTS: &str = "events?";
/// Log entries that could not be routed.
pub(super) const SET_ASIDE: &str = "set-aside?";

/// How many deliveries are sent again at once.
const AT_ONCE: usize = 16;

/// Where replicas are while they run.
type Doors = [watch::Receiver<Option<String>>];

/// The items on the first page of a list; empty if no replica answers.
pub(super) async fn ask(doors: &Doors, list: &str) -> Option<Vec<String>> {
    for url in urls(doors) {
        if let Ok(page) = page::<Value>(&format!("{url}/v1/{list}&limit=1000")).await {
            return Some(page.items.iter().map(Value::to_string).collect());
        }
    }
    None
}

/// Adds the events of the log that are newer than the last one of `known`, which has the oldest first.
pub(super) async fn catch_up(doors: &Doors, known: &mut Vec<Event>) -> Option<()> {
    let newest = known.last().map(|event| event.event_id.clone());
    let is_known = |event: &Event| newest.as_ref() == Some(&event.event_id);
    let mut events: Vec<Event> = all_until(doors, EVENTS, is_known).await?;
    events.reverse();
    known.append(&mut events);
    Some(())
}

/// The deliveries that are held back just now.
pub(super) async fn held_back(doors: &Doors) -> Option<Vec<DeliveryReply>> {
    all(doors, SUPPRESSED).await
}

/// Sends these deliveries after all. Those that failed again are still held back afterwards.
pub(super) async fn send(doors: &Doors, deliveries: &[DeliveryReply]) -> anyhow::Result<()> {
    let url = urls(doors).into_iter().next().context("no replica runs")?;
    let client = client()?;
    let sending = deliveries.iter().map(|delivery| {
        let url = format!("{url}/v1/deliveries/{}/retry", delivery.id);
        client.post(url).send()
    });
    let mut sending = stream::iter(sending).buffer_unordered(AT_ONCE);
    while let Some(answer) = sending.next().await {
        answer?.error_for_status()?;
    }
    Ok(())
}

/// Silences what matches for longer than any run, and returns the silence's id.
pub(super) async fn silence(doors: &Doors, matching: Value) -> anyhow::Result<String> {
    let url = urls(doors).into_iter().next().context("no replica runs")?;
    let request = SilenceRequest {
        matching: serde_json::from_value(matching)?,
        until: Some("7d".to_owned()),
        comment: "as long as the run".to_owned(),
        author: "chaos".to_owned(),
        ..SilenceRequest::default()
    };
    let post = client()?.post(format!("{url}/v1/silences"));
    let post = post
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&request)?);
    let answer = post.send().await?.error_for_status()?;
    let made: SilenceReply = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(made.id)
}

fn urls(doors: &Doors) -> Vec<String> {
    let urls = doors.iter().map(|door| door.borrow().clone());
    urls.flatten().collect()
}

/// All pages of a list, from the first replica that answers; `None` if none does.
async fn all<T: DeserializeOwned>(doors: &Doors, list: &str) -> Option<Vec<T>> {
    all_until(doors, list, |_| false).await
}

/// The items of a list before `end`; `None` if no replica answers.
async fn all_until<T: DeserializeOwned>(
    doors: &Doors,
    list: &str,
    is_end: impl Fn(&T) -> bool,
) -> Option<Vec<T>> {
    let url = urls(doors).into_iter().next()?;
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let url = format!("{url}/v1/{list}&limit=1000&cursor={cursor}");
        let page = page(&url).await.ok()?;
        for item in page.items {
            if is_end(&item) {
                return Some(items);
            }
            items.push(item);
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Some(items),
        }
    }
}

async fn page<T: DeserializeOwned>(url: &str) -> anyhow::Result<ListReply<T>> {
    let answer = client()?.get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}

fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20));
    Ok(client.build()?)
}
