//! Installs the programs of others that try the HTTP API and read what sinks send, beside what cargo builds: none of them
//! is needed to build or to run smswatch.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// What is installed, from the package index of Python.
const PACKAGES: [&str; 6] = [
    "openapi-spec-validator==0.9.0",
    "schemathesis==4.32.5",
    "openapi-python-client==0.29.1",
    "apprise==2.3.0",
    "standardwebhooks==1.1.0",
    "cloudevents==2.2.0",
];

/// A file that says what is installed.
const NOTE: &str = "installed.txt";

/// Installs what is missing into `target/python-tools`.
pub(crate) fn missing(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("python-tools");
    let wanted = PACKAGES.join("\n");
    let installed = std::fs::read_to_string(tools.join(NOTE));
    if installed.is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing {}", PACKAGES.join(", "));
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&tools))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    run(Command::new(tools.join("bin/python"))
        .args(pip)
        .args(PACKAGES))?;
    std::fs::write(tools.join(NOTE), wanted).context("could not note what is installed")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} could not be installed", PACKAGES.join(", "));
    }
    Ok(())
}
