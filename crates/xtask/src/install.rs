//! Installs the real servers that tests and benchmarks run against, where they are missing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long to wait for another package manager to finish.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long after a try that met a busy package manager the next one comes.
const PAUSE: Duration = Duration::from_secs(3);

/// A Debian package, and a command that succeeds where it is installed.
struct Tool {
    package: &'static str,
    probe: &'static [&'static str],
}

const TOOLS: [Tool; 12] = [
    tool("redis-server", &["redis-server", "--version"]),
    // The distribution's own interpreter: another one in PATH does not see Debian's packages.
    tool(
        "python3-aiosmtpd",
        &["/usr/bin/python3", "-c", "import aiosmtpd"],
    ),
    tool("python3-venv", &["python3", "-c", "import ensurepip, venv"]),
    tool(
        "prometheus-alertmanager",
        &["prometheus-alertmanager", "--version"],
    ),
    tool("faketime", &["faketime", "--version"]),
    tool("chromium", &["chromium", "--version"]),
    tool("chromium-driver", &["chromedriver", "--version"]),
    tool("systemd", &["systemd-analyze", "--version"]),
    tool("lintian", &["lintian", "--version"]),
    tool("fakeroot", &["fakeroot", "--version"]),
    tool("buildah", &["buildah", "--version"]),
    tool("dpkg-dev", &["dpkg-shlibdeps", "--version"]),
];

/// The package that brings a tool, which is there if `probe` succeeds.
const fn tool(package: &'static str, probe: &'static [&'static str]) -> Tool {
    Tool { package, probe }
}

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

/// Runs `apt-get`, and waits while another package manager is busy: `apt-get install` waits by itself, `apt-get
/// update` does not.
pub(crate) fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let errors = match run(arguments)? {
            Ok(()) => return Ok(()),
            Err(errors) => errors,
        };
        if !is_busy(&errors) || started.elapsed() > PATIENCE {
            bail!("apt-get {} failed: {}", arguments.join(" "), errors.trim());
        }
        println!("another package manager is busy; waiting for it");
        std::thread::sleep(PAUSE);
    }
}

/// Whether `apt-get` failed because another package manager holds a lock.
fn is_busy(errors: &str) -> bool {
    errors.contains("Could not get lock") || errors.contains("Unable to lock")
}

/// Runs `apt-get` once. The inner error is what it said.
fn run(arguments: &[&str]) -> anyhow::Result<Result<(), String>> {
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
    let seconds = PATIENCE.as_secs();
    let output = command
        .arg("-o")
        .arg(format!("DPkg::Lock::Timeout={seconds}"))
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // What it says about locks is read.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .with_context(|| {
            let packages = TOOLS.map(|tool| tool.package).join(" and ");
            format!("the tests need Debian's {packages}, and apt-get could not be run")
        })?;
    Ok(match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

/// Whether a command runs and succeeds.
pub(crate) fn succeeds(command: &[&str]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_busy_package_manager_is_waited_for() {
        assert!(is_busy(
            "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 71 (apt-get)\n\
             E: Unable to lock directory /var/lib/apt/lists/\n"
        ));
        assert!(!is_busy("E: Unable to locate package redis-server\n"));
    }
}
