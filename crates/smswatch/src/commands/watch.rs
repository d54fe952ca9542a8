//! `smswatch watch` and `smswatch unwatch`.

mod list;

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;
use smswatch_api::watches::{RegisteredReply, WatchRequest};
use smswatch_plugin::model::{MessageId, Tags};

use super::{print, print_json};
use crate::cli::{UnwatchArgs, WatchArgs};
use crate::client::{Client, read};
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
    let tags: Tags = args.tags.into_iter().collect();
    let mut registered = RegisteredReply::default();
    for chunk in ids.chunks(MOST_AT_ONCE) {
        let request = WatchRequest::new(chunk, &tags);
        let told = client.post(&["v1", "watches"], &request).await;
        let told = match registered.accepted + registered.already_watched {
            0 => told?,
            done => {
                let what = || format!("only the first {done} of {} were accepted", ids.len());
                told.with_context(what)?
            }
        };
        let reply: RegisteredReply = read(&told)?;
        registered.accepted += reply.accepted;
        registered.already_watched += reply.already_watched;
        registered.unreadable.extend(reply.unreadable);
    }
    if args.output.json {
        print_json(&registered)?;
    } else {
        print(&format!(
            "{} accepted, {} already watched\n",
            registered.accepted, registered.already_watched
        ))?;
    }
    if registered.unreadable.is_empty() {
        Ok(())
    } else {
        let ids = registered.unreadable.iter().map(MessageId::as_str);
        bail!(
            "a later version of smswatch wrote the watches of these messages, and the one that \
             answered left them as they are: {}",
            ids.collect::<Vec<_>>().join(", ")
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
