//! `smswatch status`: how the running service is.

use serde_json::Value;

use super::table::Table;
use super::{field, print, print_json};
use crate::cli::StatusArgs;
use crate::client::Client;

pub(crate) async fn status(args: StatusArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let status = client.get(&["v1", "status"], &[]).await?;
    if args.output.json {
        return print_json(&status);
    }
    print(&render(&status))
}

fn render(status: &Value) -> String {
    let ready = if status["ready"] == true {
        "ready"
    } else {
        "not ready"
    };
    let mut parts = Table::new(&["PART", "HOW"]);
    for (name, part) in status["parts"].as_object().into_iter().flatten() {
        let how = if part["ok"] == true {
            "ok"
        } else {
            field(part, "/trouble")
        };
        parts.row([name.as_str(), how]);
    }
    let mut watches = Table::new(&["WATCHES", "COUNT"]);
    for (state, count) in status["watches"].as_object().into_iter().flatten() {
        watches.row([state.clone(), count.to_string()]);
    }
    let mut queues = Table::new(&["SINK", "PENDING", "DEAD", "OLDEST"]);
    for queue in status["queues"].as_array().into_iter().flatten() {
        queues.row([
            field(queue, "/sink").to_owned(),
            queue["pending"].to_string(),
            queue["dead"].to_string(),
            field(queue, "/oldest").to_owned(),
        ]);
    }
    format!(
        "smswatch {}: {ready}, {} log entries not routed\n\n{}\n{}\n{}",
        field(status, "/version"),
        status["unrouted"],
        parts.render(),
        watches.render(),
        queues.render(),
    )
}
