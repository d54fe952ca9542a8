//! Installs the programs that try the HTTP API, beside what cargo builds: none of them is needed to build or to run
//! smswatch.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// What is installed, from the package index of Python.
const PACKAGES: [&str; 3] = [
    "openapi-spec-validator==0.9.0",
    "schemathesis==4.32.5",
    "openapi-python-client==0.29.1",
];

/// A file that says what is installed.
const NOTE: &str = "installed.txt";

/// Installs what is missing into `target/api-tools`.
pub(crate) fn missing(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("api-tools");
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
        bail!("the programs that try the API could not be installed");
    }
    Ok(())
}
