//! `smswatch watch` and `smswatch unwatch`.

mod progress;
mod rows;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;
use smswatch_api::campaigns::CampaignToWatch;
use smswatch_api::client::CallError;
use smswatch_api::watches::{MessageToWatch, RegisteredReply, WatchRequest};
use smswatch_plugin::model::{MessageId, Tags};
use tokio::time::Instant;

use self::progress::Progress;
use self::rows::Rows;
use super::{print, print_json, remark};
use crate::cli::{UnwatchArgs, WatchArgs};
use crate::client::Client;
use crate::plain::plain;
use crate::report::WrongUsage;

/// How many messages the API takes at once.
const MOST_AT_ONCE: usize = 10_000;

/// How long a service that was there before is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long it takes until a call is repeated for the first time, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];

pub(crate) async fn watch(args: WatchArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    check(&args.ids)?;
    let tags: Tags = args.tags.into_iter().collect();
    let mut registered = RegisteredReply::default();
    for ids in args.ids.chunks(MOST_AT_ONCE) {
        let sent = client
            .typed()
            .register(&WatchRequest::new(ids, &tags))
            .await;
        add(
            &mut registered,
            sent.map_err(|error| client.explain(error))?,
        );
    }
    if !args.campaigns.is_empty() {
        let campaigns = args.campaigns.iter().map(|id| CampaignToWatch {
            tracking_id: id.clone(),
            tags: tags.clone(),
        });
        let request = WatchRequest {
            campaigns: campaigns.collect(),
            ..WatchRequest::default()
        };
        let sent = client.typed().register(&request).await;
        add(
            &mut registered,
            sent.map_err(|error| client.explain(error))?,
        );
    }
    let done = match &args.file {
        Some(file) => {
            let rows = Rows::open(file, args.from_line, tags)?;
            watch_file(&client, file, rows, &mut registered).await
        }
        None => Ok(()),
    };
    if let Err(error) = done {
        if registered != RegisteredReply::default() {
            print_result(&registered, args.call.output.json)?;
        }
        return Err(error);
    }
    if registered == RegisteredReply::default() {
        bail!("there is no id to watch");
    }
    print_result(&registered, args.call.output.json)?;
    if registered.unreadable.is_empty() {
        Ok(())
    } else {
        let ids = registered.unreadable.iter().map(MessageId::as_str);
        bail!(
            "a later version of smswatch wrote what is stored of these, and the one that answered left \
             it as it is: {}",
            ids.collect::<Vec<_>>().join(", ")
        )
    }
}

/// Registers what a file names, piece by piece.
async fn watch_file(
    client: &Client,
    file: &Path,
    mut rows: Rows,
    registered: &mut RegisteredReply,
) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let mut done_to = 0;
    let go_on = |line: u64| match line {
        // Nothing was done that need not be done again.
        0 => String::new(),
        line => format!(
            "what stands before line {line} is accepted; go on there with --from-line {line}"
        ),
    };
    loop {
        let piece = match rows.piece(MOST_AT_ONCE) {
            Ok(piece) => piece,
            Err(error) => {
                progress.end();
                if done_to > 0 {
                    remark(&go_on(done_to + 1));
                }
                return Err(error);
            }
        };
        if piece.messages.is_empty() {
            progress.end();
            return Ok(());
        }
        match send(client, piece.messages, done_to > 0, &mut progress).await {
            Ok(reply) => add(registered, reply),
            Err(error) => {
                progress.end();
                let error = client.explain(error);
                let lines = format!(
                    "lines {} to {} of {} were not accepted",
                    piece.first_line,
                    piece.last_line,
                    file.display()
                );
                return Err(error).context(match done_to {
                    0 => lines,
                    _ => format!("{lines}; {}", go_on(piece.first_line)),
                });
            }
        }
        done_to = piece.last_line;
        progress.show(done_to, registered);
    }
}

/// Registers messages; if the service was there before, it is waited for while it is away.
async fn send(
    client: &Client,
    messages: Vec<MessageToWatch>,
    was_there: bool,
    progress: &mut Progress,
) -> Result<RegisteredReply, CallError> {
    let request = WatchRequest {
        messages,
        ..WatchRequest::default()
    };
    let ([mut pause, longest], began) = (PAUSES, Instant::now());
    let mut is_told = false;
    loop {
        let error = match client.typed().register(&request).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let is_worth_it = was_there && error.may_help_to_ask_again();
        if !is_worth_it || began.elapsed() > PATIENCE {
            return Err(error);
        }
        if !is_told {
            progress.end();
            let error = client.explain(error);
            remark(&format!("{error:#}; going on as soon as it does"));
            is_told = true;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

fn add(registered: &mut RegisteredReply, more: RegisteredReply) {
    registered.accepted += more.accepted;
    registered.already_watched += more.already_watched;
    registered.unreadable.extend(more.unreadable);
}

fn print_result(registered: &RegisteredReply, is_json: bool) -> anyhow::Result<()> {
    match is_json {
        true => print_json(registered),
        false => print(&format!(
            "{} accepted, {} already watched\n",
            registered.accepted, registered.already_watched
        )),
    }
}

pub(crate) async fn unwatch(args: UnwatchArgs) -> anyhow::Result<()> {
    check(&args.ids)?;
    let client = Client::new(&args.call.service)?;
    let mut unknown = Vec::new();
    for id in &args.ids {
        if !client.delete(&["v1", "watches", id]).await? {
            unknown.push(id.as_str());
        }
    }
    let removed = args.ids.len() - unknown.len();
    if args.call.output.json {
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
