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

/// What cargo tells the programs that it runs of their package. Where the next cargo is told of it too, the build script of
/// `ring` takes it for a change: `ring` and all that stands on it would be built anew each time.
const OF_A_PACKAGE: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// Cargo, as somebody calls it who is not called by cargo.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for name in OF_A_PACKAGE {
        cargo.env_remove(name);
    }
    cargo
}
