//! `smswatch sink test`: one notification through the real path, and what came of it.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use super::{field, print, print_json};
use crate::cli::SinkTestArgs;
use crate::client::Client;

/// How often the delivery is looked at while it is under way.
const PACE: Duration = Duration::from_millis(100);

pub(crate) async fn sink_test(args: SinkTestArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let queued = client
        .post(&["v1", "sinks", &args.name, "test"], &json!({}))
        .await?;
    let id = field(&queued, "/id").to_owned();
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    loop {
        let delivery = client.get(&["v1", "deliveries", &id], &[]).await?;
        if let Some(attempt) = delivery["attempts"]
            .as_array()
            .and_then(|attempts| attempts.last())
        {
            return tell(&args, &delivery, attempt);
        }
        if Instant::now() > deadline {
            bail!(
                "there was no attempt within {} s; delivery {id} waits",
                args.wait
            );
        }
        tokio::time::sleep(PACE).await;
    }
}

fn tell(args: &SinkTestArgs, delivery: &Value, attempt: &Value) -> anyhow::Result<()> {
    if args.output.json {
        print_json(delivery)?;
    }
    let (result, detail) = (field(attempt, "/result"), field(attempt, "/detail"));
    if result != "delivered" {
        bail!("{}: {result}: {detail}", args.name);
    }
    if !args.output.json {
        print(&format!("{}: delivered: {detail}\n", args.name))?;
    }
    Ok(())
}
