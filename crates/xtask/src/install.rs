//! Installs the real servers that tests and benchmarks run against, where they are missing.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A Debian package, and a command that succeeds where it is installed.
struct Tool {
    package: &'static str,
    probe: &'static [&'static str],
}

const TOOLS: [Tool; 3] = [
    Tool {
        package: "redis-server",
        probe: &["redis-server", "--version"],
    },
    Tool {
        package: "python3-aiosmtpd",
        // The distribution's own interpreter: another one in PATH does not see Debian's packages.
        probe: &["/usr/bin/python3", "-c", "import aiosmtpd"],
    },
    Tool {
        package: "faketime",
        probe: &["faketime", "--version"],
    },
];

/// Installs every server that is missing.
pub(crate) fn missing_servers() -> anyhow::Result<()> {
    let missing: Vec<_> = TOOLS
        .iter()
        .filter(|tool| !succeeds(tool.probe))
        .map(|tool| tool.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(" and "));
    apt(&["update", "-qq"])?;
    let install = ["install", "--yes", "-qq", "--no-install-recommends"];
    apt(&install
        .into_iter()
        .chain(missing.iter().copied())
        .collect::<Vec<_>>())?;
    for tool in &TOOLS {
        if !succeeds(tool.probe) {
            bail!("{} was installed and still does not answer", tool.package);
        }
    }
    Ok(())
}

fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = if is_root {
        Command::new("apt-get")
    } else {
        Command::new("sudo")
    };
    if !is_root {
        command.arg("apt-get");
    }
    let status = command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| {
            let packages = TOOLS.map(|tool| tool.package).join(" and ");
            format!("the tests need Debian's {packages}, and apt-get could not be run")
        })?;
    if status.success() {
        Ok(())
    } else {
        bail!("apt-get {} failed", arguments.join(" "))
    }
}

fn succeeds(command: &[&str]) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
