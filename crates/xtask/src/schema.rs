//! `cargo xtask schema`: writes the JSON Schema of the configuration anew.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Where editors and tests find it, from the root of the workspace.
const FILE: &str = "config/smswatch.schema.json";

pub(crate) fn run() -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--package", "smswatch"])
        .args(["--bin", "smswatch", "--", "schema"])
        .stderr(Stdio::inherit())
        .output()
        .context("could not run cargo")?;
    if !output.status.success() {
        bail!("`smswatch schema` failed");
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::fs::write(format!("{root}/{FILE}"), output.stdout)
        .with_context(|| format!("could not write {FILE}"))
}
