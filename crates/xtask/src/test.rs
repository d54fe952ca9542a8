//! `cargo xtask test`: what the tests need, then all of them.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::install;

/// Runs the whole workspace's tests; `arguments` go to `cargo test`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    install::missing_servers()?;
    cargo(&["build", "--workspace", "--bins", "--locked"], &[])?;
    cargo(&["test", "--workspace", "--locked"], arguments)
}

fn cargo(arguments: &[&str], more: &[String]) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .args(more)
        .status()
        .context("could not run cargo")?;
    if status.success() {
        Ok(())
    } else {
        bail!("cargo {} failed", arguments.join(" "))
    }
}
