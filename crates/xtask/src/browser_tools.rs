//! Installs what looks at the pages in a browser, beside the browser itself: axe-core, which finds what stands in the way of
//! people with screen readers, keyboards or weak eyes.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// What is installed, from the package index of Node.
const PACKAGE: &str = "axe-core@4.14.1";

/// A file that says what is installed.
const NOTE: &str = "installed.txt";

/// Installs what is missing into `target/browser-tools`.
pub(crate) fn missing(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("browser-tools");
    let installed = std::fs::read_to_string(tools.join(NOTE));
    if installed.is_ok_and(|installed| installed == PACKAGE) {
        return Ok(());
    }
    println!("installing {PACKAGE}");
    std::fs::create_dir_all(&tools).context("could not make a folder for it")?;
    // The Node that came with the programs in Python.
    let node = target.join("python-tools/bin");
    let status = Command::new(node.join("npm"))
        .env("PATH", format!("{}:/usr/bin:/bin", node.display()))
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&tools)
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .status()
        .context("could not run npm")?;
    if !status.success() {
        bail!("{PACKAGE} could not be installed");
    }
    std::fs::write(tools.join(NOTE), PACKAGE).context("could not note what is installed")
}
