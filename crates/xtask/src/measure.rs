//! `cargo xtask bench`, `chaos` and `day`: build what `smswatch-bench` needs, and hand over to it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{command, install};

/// Measures with optimized programs: figures of others mean nothing.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let is_alone = matches!(arguments, [part, ..] if part == "sources")
        || matches!(arguments, [part] if part == "sinks");
    if is_alone {
        return simulate("bench", arguments);
    }
    install::missing_servers()?;
    let packages = ["smswatch", "routee-sim", "smswatch-bench"];
    let built = command::cargo()
        .args(["build", "--profile", "dist", "--locked", "--bins"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .status()
        .context("could not run cargo")?;
    if !built.success() {
        bail!("the optimized programs could not be built");
    }
    let program = target_directory()?.join("dist/smswatch-bench");
    let done = Command::new(program)
        .arg("bench")
        .args(arguments)
        .status()
        .context("could not start the benchmark")?;
    if !done.success() {
        bail!("the benchmark failed");
    }
    Ok(())
}

/// Plays a chaos run, which builds the program that it plays with by itself.
pub(crate) fn chaos(arguments: &[String]) -> anyhow::Result<()> {
    install::missing_servers()?;
    let done = command::cargo()
        .args(["run", "--quiet", "--locked", "--package", "smswatch-bench"])
        .args(["--", "chaos"])
        .args(arguments)
        .status()
        .context("could not run cargo")?;
    if !done.success() {
        bail!("the chaos run failed");
    }
    Ok(())
}

/// Plays a day of messages through the default rules.
pub(crate) fn day(arguments: &[String]) -> anyhow::Result<()> {
    simulate("day", arguments)
}

/// Runs what needs no other program: what plays on a clock of its own, and sinks by themselves. It is optimized: a day of
/// a million messages takes minutes so.
fn simulate(command: &str, arguments: &[String]) -> anyhow::Result<()> {
    let done = command::cargo()
        .args(["run", "--quiet", "--locked", "--release"])
        .args(["--package", "smswatch-bench", "--", command])
        .args(arguments)
        .status()
        .context("could not run cargo")?;
    if !done.success() {
        bail!("the simulation did not go as it should");
    }
    Ok(())
}

/// Where cargo puts what it builds: this program lies in a folder of it.
pub(crate) fn target_directory() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("could not find this program")?;
    let target = this.parent().and_then(|directory| directory.parent());
    let target = target.context("this program does not lie in a target directory")?;
    Ok(target.to_owned())
}
