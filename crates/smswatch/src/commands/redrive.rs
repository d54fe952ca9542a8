//! `smswatch dead retry`, `dead drop` and `replay`: what has ended is sent again, or forgotten.

use anyhow::bail;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use smswatch_api::deliveries::{DeliveryState, DroppedReply, EndedRequest, RetriedReply};

use super::{print, print_json};
use crate::cli::{Choice, DeadChoiceArgs, ReplayArgs};
use crate::client::{Client, Refused, read};

pub(crate) async fn retry(args: DeadChoiceArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let ids = &args.choice.ids;
    if ids.is_empty() {
        return retry_all(&client, &dead(&args.choice), args.call.output.json).await;
    }
    let mut done = Done::default();
    for id in ids {
        let path = ["v1", "deliveries", id.as_str(), "retry"];
        let answer = client.try_post(&path, &json!({})).await;
        done.note(id, answer.map(|answer| answer.is_some()))?;
    }
    done.print(args.call.output.json, "retried", "will be sent again")
}

pub(crate) async fn drop(args: DeadChoiceArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let ids = &args.choice.ids;
    if ids.is_empty() {
        let told = client
            .post(&["v1", "deliveries", "drop"], &dead(&args.choice))
            .await?;
        let count = |reply: DroppedReply| reply.dropped;
        return print_count(args.call.output.json, &told, count, "dropped");
    }
    let mut done = Done::default();
    for id in ids {
        let path = ["v1", "deliveries", id.as_str()];
        done.note(id, client.delete(&path).await)?;
    }
    done.print(args.call.output.json, "dropped", "dropped")
}

pub(crate) async fn replay(args: ReplayArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let ended = EndedRequest {
        sink: Some(args.sink),
        rule: args.rule,
        since: Some(args.since),
        state: Some(DeliveryState::Delivered),
    };
    retry_all(&client, &ended, args.call.output.json).await
}

async fn retry_all(client: &Client, ended: &EndedRequest, is_json: bool) -> anyhow::Result<()> {
    let told = client.post(&["v1", "deliveries", "retry"], ended).await?;
    let count = |reply: RetriedReply| reply.retried;
    print_count(is_json, &told, count, "will be sent again")
}

/// What became of those that were named.
#[derive(Default)]
struct Done {
    count: u64,
    failed: Vec<(String, String)>,
}

impl Done {
    /// Notes whether the delivery called `id` was there. Whatever the service refuses is noted too;
    /// when it cannot be reached, nothing more is tried.
    fn note(&mut self, id: &str, answer: anyhow::Result<bool>) -> anyhow::Result<()> {
        let failed = match answer {
            Ok(true) => {
                self.count += 1;
                return Ok(());
            }
            Ok(false) => "no such delivery is kept".to_owned(),
            Err(error) => match error.downcast::<Refused>() {
                Ok(refused) => refused.message,
                Err(error) => return Err(error),
            },
        };
        self.failed.push((id.to_owned(), failed));
        Ok(())
    }

    fn print(self, is_json: bool, key: &str, what: &str) -> anyhow::Result<()> {
        if is_json {
            let failed = self.failed.iter();
            let failed: Map<_, _> = failed.map(|(id, why)| (id.clone(), json!(why))).collect();
            print_json(&json!({ key: self.count, "failed": failed }))?;
        } else {
            print(&format!("{}\n", deliveries(self.count, what)))?;
        }
        if self.failed.is_empty() {
            return Ok(());
        }
        let failed = self.failed.iter().map(|(id, why)| format!("{id}: {why}"));
        bail!("{}", failed.collect::<Vec<_>>().join("\n"))
    }
}

fn print_count<T: DeserializeOwned>(
    is_json: bool,
    told: &Value,
    count: impl FnOnce(T) -> u64,
    what: &str,
) -> anyhow::Result<()> {
    if is_json {
        return print_json(told);
    }
    print(&format!("{}\n", deliveries(count(read(told)?), what)))
}

/// `1 delivery will be sent again`, `3 deliveries dropped`.
fn deliveries(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 delivery {what}"),
        count => format!("{count} deliveries {what}"),
    }
}

/// The dead letters that are chosen.
fn dead(choice: &Choice) -> EndedRequest {
    EndedRequest {
        sink: choice.sink.clone(),
        rule: choice.rule.clone(),
        since: choice.since.clone(),
        state: Some(DeliveryState::Dead),
    }
}
