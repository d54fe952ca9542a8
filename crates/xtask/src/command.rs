//! Runs other programs that must succeed.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Runs a command that must succeed.
pub(crate) fn done(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("could not run {program}"))?;
    if !status.success() {
        bail!("{program} failed");
    }
    Ok(())
}

/// What a command prints that must succeed.
pub(crate) fn said(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = output.with_context(|| format!("could not run {program}"))?;
    if !output.status.success() {
        bail!("{program} failed");
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} prints no UTF-8"))
}
