//! `smswatch status`: how the running service is, on one screen whose first line says whether all is well.

use smswatch_api::health::{QueueReply, ReadyReply, StatusReply};
use smswatch_api::list::ListReply;
use smswatch_api::set_aside::SetAsideReply;

use super::table::Table;
use super::{instant, or_dash, print, print_json};
use crate::cli::StatusArgs;
use crate::client::{Client, read};

/// How many of the entries that were set aside are shown.
const SHOWN: usize = 5;

/// The part whose trouble stands in the first line in its own words: what the file says is not in force.
const CONFIGURATION: &str = "configuration";

pub(crate) async fn status(args: StatusArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    match client.get(&["v1", "status"]).await {
        Ok(told) if args.call.output.json => print_json(&told),
        Ok(told) => {
            let status: StatusReply = read(&told)?;
            let set_aside = set_aside(&client, &status).await?;
            print(&format!("{}{set_aside}", render(&status)))
        }
        Err(error) => {
            // What it holds cannot be told without its store; how its parts are can.
            let Ok(told) = client.readiness().await else {
                return Err(error);
            };
            match read::<ReadyReply>(&told) {
                Ok(readiness) if readiness.ready => {}
                Ok(_) if args.call.output.json => print_json(&told)?,
                Ok(readiness) => print(&format!("smswatch: not ready\n\n{}", parts(&readiness)))?,
                Err(_) => {}
            }
            Err(error)
        }
    }
}

/// The latest of the log entries that could not be routed, where there are any.
async fn set_aside(client: &Client, status: &StatusReply) -> anyhow::Result<String> {
    if status.set_aside == 0 {
        return Ok(String::new());
    }
    let list: ListReply<SetAsideReply> = read(&client.get(&["v1", "set-aside"]).await?)?;
    Ok(render_set_aside(status.set_aside, &list.items))
}

/// The latest of the log entries that could not be routed.
fn render_set_aside(count: u64, entries: &[SetAsideReply]) -> String {
    let mut table = Table::new(&["SET ASIDE", "SHARD", "POSITION", "ERROR"]);
    for entry in entries.iter().take(SHOWN) {
        table.row([
            entry.at.to_string(),
            entry.shard.to_string(),
            entry.position.clone(),
            entry.error.clone(),
        ]);
    }
    let what = match count {
        1 => "could not be routed and was set aside:",
        _ => "could not be routed and were set aside; the latest:",
    };
    let what = format!("{} {what}", log_entries(count));
    format!("\n{what}\n{}", table.render())
}

/// `1 log entry`, `3 log entries`.
fn log_entries(count: u64) -> String {
    match count {
        1 => "1 log entry".to_owned(),
        count => format!("{count} log entries"),
    }
}

fn render(status: &StatusReply) -> String {
    let mut watches = Table::new(&["WATCHES", "COUNT"]);
    for (state, count) in &status.watches {
        watches.row([state.clone(), count.to_string()]);
    }
    let is_left = status.queues.iter().any(|queue| queue.left > 0);
    let mut queues = match is_left {
        true => Table::new(&["SINK", "PENDING", "LEFT", "DEAD", "OLDEST"]),
        false => Table::new(&["SINK", "PENDING", "DEAD", "OLDEST"]),
    };
    for queue in &status.queues {
        let cells = [
            Some(queue.sink.clone()),
            Some(queue.pending.to_string()),
            is_left.then(|| queue.left.to_string()),
            Some(queue.dead.to_string()),
            Some(instant(queue.oldest)),
        ];
        queues.row(cells.into_iter().flatten());
    }
    format!(
        "smswatch {}: {}\n\n{}\n{}\n{}{}",
        status.version,
        verdict(status),
        parts(&status.health),
        watches.render(),
        queues.render(),
        given_up(&status.queues),
    ) + &silences(status.silences)
}

/// Whether all is well, else what is not, in a line that a tired person reads first.
fn verdict(status: &StatusReply) -> String {
    let mut wrong = Vec::new();
    if !status.health.ready {
        wrong.push("it is not ready".to_owned());
    }
    let in_trouble = status.health.parts.iter().filter(|(_, part)| !part.ok);
    let (of_file, in_trouble): (Vec<_>, Vec<_>) =
        in_trouble.partition(|(name, _)| *name == CONFIGURATION);
    let in_trouble: Vec<_> = in_trouble.iter().map(|(name, _)| name.as_str()).collect();
    if !in_trouble.is_empty() {
        wrong.push(format!("trouble with {}", in_trouble.join(", ")));
    }
    let dead: u64 = status.queues.iter().map(|queue| queue.dead).sum();
    match dead {
        0 => {}
        1 => wrong.push("1 dead letter".to_owned()),
        dead => wrong.push(format!("{dead} dead letters")),
    }
    if status.set_aside > 0 {
        wrong.push(format!("{} set aside", log_entries(status.set_aside)));
    }
    // Who has just changed the file looks here, and goes away again if all seems well.
    wrong.extend(of_file.iter().map(|(name, part)| {
        let trouble = part.trouble.as_deref();
        trouble.map_or_else(|| format!("trouble with {name}"), str::to_owned)
    }));
    let verdict = match wrong.is_empty() {
        true => "all is well".to_owned(),
        false => wrong.join("; "),
    };
    match status.unrouted {
        0 => verdict,
        unrouted => format!(
            "{verdict}; {} on the way to the rules",
            log_entries(unrouted)
        ),
    }
}

/// How much is silenced; nothing if nothing is.
fn silences(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "\n1 silence is active; `smswatch silence list` shows it\n".to_owned(),
        _ => format!("\n{count} silences are active; `smswatch silence list` shows them\n"),
    }
}

/// Since when deliveries of which sink were given up, and why the last one was.
fn given_up(queues: &[QueueReply]) -> String {
    let mut text = String::new();
    for queue in queues {
        if let Some(reason) = &queue.dead_reason {
            text.push_str(&format!(
                "\n{}: {} given up since {}, the last one at {}: {reason}",
                queue.sink,
                queue.dead,
                instant(queue.dead_since),
                instant(queue.dead_last_at),
            ));
        }
    }
    if !text.is_empty() {
        text.push_str("\n`smswatch dead list` shows them\n");
    }
    text
}

/// How each part is.
fn parts(readiness: &ReadyReply) -> String {
    let mut parts = Table::new(&["PART", "HOW"]);
    for (name, part) in &readiness.parts {
        let how = match part.ok {
            true => "ok",
            false => or_dash(part.trouble.as_deref()),
        };
        parts.row([name.as_str(), how]);
    }
    parts.render()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn status(told: serde_json::Value) -> StatusReply {
        from_value(told).expect("a status")
    }

    #[test]
    fn the_screen_begins_with_all_is_well_where_it_is() {
        let well = status(json!({
            "version": "1.2.3", "ready": true,
            "parts": {"store": {"ok": true}, "provider": {"ok": true}, "sink:crm": {"ok": true}},
            "watches": {"watching": 17, "final": 1204},
            "queues": [{"sink": "crm", "pending": 0, "dead": 0, "oldest": null}],
            "unrouted": 0, "set_aside": 0, "silences": 1,
        }));
        insta::assert_snapshot!(render(&well));
    }

    #[test]
    fn the_first_line_names_everything_that_is_not_well() {
        let ill = status(json!({
            "version": "1.2.3", "ready": false,
            "parts": {"store": {"ok": true}, "provider": {"ok": false, "trouble": "connect.routee.net refuses connections"},
                      "sink:crm": {"ok": false, "trouble": "down since 2026-05-01T16:36:17Z"}},
            "watches": {"watching": 17},
            "queues": [{"sink": "crm", "pending": 6, "dead": 2, "oldest": "2026-05-01T16:36:17Z",
                        "dead_since": "2026-05-01T16:52:00Z", "dead_last_at": "2026-05-01T17:10:00Z",
                        "dead_reason": "it answered 401"},
                       {"sink": "mail", "pending": 0, "dead": 0, "oldest": null}],
            "unrouted": 3, "set_aside": 1, "silences": 0,
        }));
        insta::assert_snapshot!(render(&ill));
    }

    #[test]
    fn what_was_given_up_is_told_with_its_last_reason() {
        let queues = json!([
            {"sink": "crm", "dead": 0, "dead_reason": null},
            {"sink": "pager", "dead": 12, "dead_since": "2026-05-01T16:52:00Z",
             "dead_last_at": "2026-05-01T17:10:00Z", "dead_reason": "it answered 401"},
        ]);
        let queues: Vec<QueueReply> = from_value(queues).expect("queues");
        assert_eq!(given_up(&[]), "");
        insta::assert_snapshot!(given_up(&queues), @r"

        pager: 12 given up since 2026-05-01T16:52:00Z, the last one at 2026-05-01T17:10:00Z: it answered 401
        `smswatch dead list` shows them
        ");
    }

    #[test]
    fn what_was_set_aside_is_told_with_its_errors() {
        let entry = json!({
            "shard": 3, "position": "1777631330000-0", "at": "2026-05-01T10:28:50Z",
            "error": "a stored body has the unknown format 9", "body": "x",
        });
        let entry: SetAsideReply = from_value(entry).expect("an entry");
        insta::assert_snapshot!(render_set_aside(1200, &vec![entry; 7]), @r"

        1200 log entries could not be routed and were set aside; the latest:
        SET ASIDE             SHARD  POSITION         ERROR
        2026-05-01T10:28:50Z  3      1777631330000-0  a stored body has the unknown format 9
        2026-05-01T10:28:50Z  3      1777631330000-0  a stored body has the unknown format 9
        2026-05-01T10:28:50Z  3      1777631330000-0  a stored body has the unknown format 9
        2026-05-01T10:28:50Z  3      1777631330000-0  a stored body has the unknown format 9
        2026-05-01T10:28:50Z  3      1777631330000-0  a stored body has the unknown format 9
        ");
    }
}
