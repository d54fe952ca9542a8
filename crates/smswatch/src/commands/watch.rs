//! `smswatch watch` and `smswatch unwatch`.

mod list;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use smswatch_plugin::model::MessageId;

use super::{print, print_json};
use crate::cli::{UnwatchArgs, WatchArgs};
use crate::client::Client;
use crate::plain::plain;
use crate::report::WrongUsage;

/// How many messages the API takes at once.
const MOST_AT_ONCE: usize = 10_000;

pub(crate) async fn watch(args: WatchArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let mut ids = args.ids;
    check(&ids)?;
    if let Some(file) = &args.file {
        ids.extend(read_ids(file)?);
    }
    if ids.is_empty() {
        bail!("there is no id to watch");
    }
    let tags: BTreeMap<_, _> = args.tags.into_iter().collect();
    let (mut accepted, mut already_watched, mut unreadable) = (0, 0, Vec::new());
    for chunk in ids.chunks(MOST_AT_ONCE) {
        let message = |id: &String| json!({ "message_id": id, "tags": tags });
        let messages: Vec<Value> = chunk.iter().map(message).collect();
        let body = json!({ "messages": messages });
        let answer = client.post(&["v1", "watches"], &body).await;
        let answer = match accepted + already_watched {
            0 => answer?,
            done => {
                let what = || format!("only the first {done} of {} were accepted", ids.len());
                answer.with_context(what)?
            }
        };
        accepted += answer["accepted"].as_u64().unwrap_or(0);
        already_watched += answer["already_watched"].as_u64().unwrap_or(0);
        let ids = answer["unreadable"].as_array().into_iter().flatten();
        unreadable.extend(ids.filter_map(Value::as_str).map(str::to_owned));
    }
    if args.output.json {
        let mut reply = json!({ "accepted": accepted, "already_watched": already_watched });
        if !unreadable.is_empty() {
            reply["unreadable"] = json!(unreadable);
        }
        print_json(&reply)?;
    } else {
        print(&format!(
            "{accepted} accepted, {already_watched} already watched\n"
        ))?;
    }
    if unreadable.is_empty() {
        Ok(())
    } else {
        bail!(
            "a later version of smswatch wrote the watches of these messages, and the one that \
             answered left them as they are: {}",
            unreadable.join(", ")
        )
    }
}

pub(crate) async fn unwatch(args: UnwatchArgs) -> anyhow::Result<()> {
    check(&args.ids)?;
    let client = Client::new(&args.service)?;
    let mut unknown = Vec::new();
    for id in &args.ids {
        if !client.delete(&["v1", "watches", id]).await? {
            unknown.push(id.as_str());
        }
    }
    let removed = args.ids.len() - unknown.len();
    if args.output.json {
        print_json(&json!({ "removed": removed, "unknown": unknown }))?;
    } else {
        print(&format!("{removed} removed\n"))?;
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        bail!("not watched: {}", unknown.join(", "))
    }
}

fn check(ids: &[String]) -> Result<(), WrongUsage> {
    for id in ids {
        MessageId::new(id).map_err(|error| WrongUsage::new(format!("`{}`: {error}", plain(id))))?;
    }
    Ok(())
}

fn read_ids(file: &Path) -> anyhow::Result<Vec<String>> {
    let mut bytes = Vec::new();
    let name = if file == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("could not read standard input")?;
        "standard input".to_owned()
    } else {
        bytes =
            std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        file.display().to_string()
    };
    Ok(list::read(&name, &bytes).map_err(WrongUsage::new)?)
}
