//! `cargo xtask test`: what the tests need, then all of them, several programs side by side.

mod plan;
mod programs;

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::{browser_tools, command, helm_tools, install, measure, python_tools, unpacked};
use programs::Finished;

/// What is built and tested: everything, with what the first build leaves out. It is the same each time, so that nothing
/// compiles twice.
const WHAT: &[&str] = &["--workspace", "--features", "smswatch/otlp", "--locked"];

/// Runs the whole workspace's tests; with `arguments`, what `cargo test` makes of them.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    install::missing_servers()?;
    let target = measure::target_directory()?;
    python_tools::missing(&target)?;
    browser_tools::missing(&target)?;
    unpacked::missing(&target)?;
    helm_tools::missing(&target)?;
    if !arguments.is_empty() {
        return cargo(&[&["test"], WHAT].concat(), arguments);
    }
    let built = command::cargo()
        .arg("test")
        .args(WHAT)
        .arg("--no-run")
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("could not run cargo")?;
    if !built.status.success() {
        bail!("the tests do not compile");
    }
    let programs = plan::read(&String::from_utf8_lossy(&built.stdout));
    if programs.is_empty() {
        bail!("cargo names no test program");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = plan::examples(&[&["test", "--doc"], WHAT].concat(), &root);
    let mut failed = Vec::new();
    let mut passed = 0;
    let started = Instant::now();
    programs::run(
        programs.into_iter().chain([examples]),
        |finished: Finished| {
            println!("\n{} ({:.0?})", finished.name, finished.took);
            println!("{}", finished.output.trim());
            passed += finished.passed;
            if !finished.is_ok {
                failed.push(finished.name);
            }
        },
    );
    println!(
        "\n{passed} tests passed, those of the documentation among them, in {:.0?}",
        started.elapsed()
    );
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("tests failed: {}", failed.join(", "))
    }
}

fn cargo(arguments: &[&str], more: &[String]) -> anyhow::Result<()> {
    let status = command::cargo()
        .args(arguments)
        .args(more)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status()
        .context("could not run cargo")?;
    if status.success() {
        Ok(())
    } else {
        bail!("cargo {} failed", arguments.join(" "))
    }
}
