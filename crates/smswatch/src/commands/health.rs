//! `smswatch health`: whether the running service lives, or does its work, for health checks of containers.

use anyhow::bail;
use smswatch_api::health::{AliveReply, ReadyReply};

use super::{print, print_json};
use crate::cli::HealthArgs;
use crate::client::{Client, read};

/// Asks once; fails if the answer is no.
pub(crate) async fn health(args: HealthArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let told = match args.ready {
        true => client.readiness().await?,
        false => client.get(&["healthz"]).await?,
    };
    if args.call.output.json {
        print_json(&told)?;
    }
    if args.ready {
        let readiness: ReadyReply = read(&told)?;
        if !readiness.ready {
            bail!("smswatch is not ready; {}", trouble(&readiness));
        }
    } else if !read::<AliveReply>(&told)?.ok {
        bail!("smswatch does not work");
    }
    match args.call.output.json {
        true => Ok(()),
        false => print(if args.ready { "ready\n" } else { "alive\n" }),
    }
}

/// What keeps the process from being ready.
fn trouble(readiness: &ReadyReply) -> String {
    let troubles = readiness.parts.iter().filter(|(_, part)| !part.ok);
    let told: Vec<_> = troubles
        .map(|(name, part)| {
            format!(
                "{name}: {}",
                part.trouble.as_deref().unwrap_or("in trouble")
            )
        })
        .collect();
    match told.as_slice() {
        [] => "it starts or stops".to_owned(),
        told => told.join("; "),
    }
}
