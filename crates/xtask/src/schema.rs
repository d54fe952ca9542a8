//! `cargo xtask schema`: writes the JSON Schemas of the configuration and of scenarios, the OpenAPI document, and what
//! Prometheus and Grafana read of smswatch, anew.

use std::process::Stdio;

use anyhow::{Context as _, bail};

use crate::{command, monitoring};

/// Where editors and tests find them, from the root of the workspace, with what prints each.
const FILES: [(&str, &[&str]); 3] = [
    ("config/smswatch.schema.json", &["schema"]),
    ("config/scenarios.schema.json", &["schema", "--scenarios"]),
    ("docs/openapi.json", &["openapi"]),
];

pub(crate) fn run() -> anyhow::Result<()> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for (file, text) in monitoring::files() {
        std::fs::write(format!("{root}/{file}"), text)
            .with_context(|| format!("could not write {file}"))?;
    }
    for (file, command) in FILES {
        let output = command::cargo()
            .args(["run", "--quiet", "--locked", "--package", "smswatch"])
            .args(["--bin", "smswatch", "--"])
            .args(command)
            .stderr(Stdio::inherit())
            .output()
            .context("could not run cargo")?;
        if !output.status.success() {
            bail!("`smswatch {}` failed", command.join(" "));
        }
        std::fs::write(format!("{root}/{file}"), output.stdout)
            .with_context(|| format!("could not write {file}"))?;
    }
    Ok(())
}
