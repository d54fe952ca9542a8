//! `smswatch status`: how the running service is.

use serde_json::Value;

use super::table::Table;
use super::{field, print, print_json};
use crate::cli::StatusArgs;
use crate::client::Client;

/// How many of the entries that were set aside are shown.
const SHOWN: usize = 5;

pub(crate) async fn status(args: StatusArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    match client.get(&["v1", "status"], &[]).await {
        Ok(status) if args.output.json => print_json(&status),
        Ok(status) => {
            let set_aside = set_aside(&client, &status).await?;
            print(&format!("{}{set_aside}", render(&status)))
        }
        Err(error) => {
            // What it holds cannot be told without its store; how its parts are can.
            let readiness = client.readiness().await.ok();
            let Some(readiness) = readiness.filter(|readiness| readiness["ready"] == false) else {
                return Err(error);
            };
            match args.output.json {
                true => print_json(&readiness)?,
                false => print(&format!("smswatch: not ready\n\n{}", parts(&readiness)))?,
            }
            Err(error)
        }
    }
}

/// The latest of the log entries that could not be routed, where there are any.
async fn set_aside(client: &Client, status: &Value) -> anyhow::Result<String> {
    if status["set_aside"].as_u64().unwrap_or(0) == 0 {
        return Ok(String::new());
    }
    let list = client.get(&["v1", "set-aside"], &[]).await?;
    Ok(render_set_aside(status, &list))
}

/// The latest of the log entries that could not be routed.
fn render_set_aside(status: &Value, list: &Value) -> String {
    let mut table = Table::new(&["SET ASIDE", "SHARD", "POSITION", "ERROR"]);
    let entries = list["items"].as_array().into_iter().flatten();
    for entry in entries.take(SHOWN) {
        table.row([
            field(entry, "/at").to_owned(),
            entry["shard"].to_string(),
            field(entry, "/position").to_owned(),
            field(entry, "/error").to_owned(),
        ]);
    }
    format!(
        "\n{} log entries could not be routed and were set aside; the latest:\n{}",
        status["set_aside"],
        table.render()
    )
}

fn render(status: &Value) -> String {
    let ready = if status["ready"] == true {
        "ready"
    } else {
        "not ready"
    };
    let mut watches = Table::new(&["WATCHES", "COUNT"]);
    for (state, count) in status["watches"].as_object().into_iter().flatten() {
        watches.row([state.clone(), count.to_string()]);
    }
    let has_left = |queue: &Value| queue["left"].as_u64().is_some_and(|left| left > 0);
    let all = || status["queues"].as_array().into_iter().flatten();
    let is_left = all().any(has_left);
    let mut queues = match is_left {
        true => Table::new(&["SINK", "PENDING", "LEFT", "DEAD", "OLDEST"]),
        false => Table::new(&["SINK", "PENDING", "DEAD", "OLDEST"]),
    };
    for queue in all() {
        let left = is_left.then(|| queue["left"].as_u64().unwrap_or(0).to_string());
        let cells = [
            Some(field(queue, "/sink").to_owned()),
            Some(queue["pending"].to_string()),
            left,
            Some(queue["dead"].to_string()),
            Some(field(queue, "/oldest").to_owned()),
        ];
        queues.row(cells.into_iter().flatten());
    }
    format!(
        "smswatch {}: {ready}, {} log entries not routed\n\n{}\n{}\n{}{}",
        field(status, "/version"),
        status["unrouted"],
        parts(status),
        watches.render(),
        queues.render(),
        given_up(status),
    )
}

/// Since when deliveries of which sink were given up, and why the last one was.
fn given_up(status: &Value) -> String {
    let mut text = String::new();
    for queue in status["queues"].as_array().into_iter().flatten() {
        if queue["dead_reason"].is_string() {
            text.push_str(&format!(
                "\n{}: {} given up since {}, the last one at {}: {}",
                field(queue, "/sink"),
                queue["dead"],
                field(queue, "/dead_since"),
                field(queue, "/dead_last_at"),
                field(queue, "/dead_reason"),
            ));
        }
    }
    if !text.is_empty() {
        text.push_str("\n`smswatch dead list` shows them\n");
    }
    text
}

/// How each part is.
fn parts(status: &Value) -> String {
    let mut parts = Table::new(&["PART", "HOW"]);
    for (name, part) in status["parts"].as_object().into_iter().flatten() {
        let how = if part["ok"] == true {
            "ok"
        } else {
            field(part, "/trouble")
        };
        parts.row([name.as_str(), how]);
    }
    parts.render()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_given_up_is_told_with_its_last_reason() {
        let queues = json!([
            {"sink": "crm", "dead": 0, "dead_reason": null},
            {"sink": "pager", "dead": 12, "dead_since": "2026-05-01T16:52:00Z",
             "dead_last_at": "2026-05-01T17:10:00Z", "dead_reason": "it answered 401"},
        ]);
        assert_eq!(given_up(&json!({"queues": []})), "");
        insta::assert_snapshot!(given_up(&json!({"queues": queues})), @r"

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
        let list = json!({"items": vec![entry; 7], "next": null});
        insta::assert_snapshot!(render_set_aside(&json!({"set_aside": 1200}), &list), @r"

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
