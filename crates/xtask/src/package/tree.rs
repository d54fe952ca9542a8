//! The files of the package, as they lie on the machine that it is installed on.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::root;
use crate::command::{done, said};

/// Files of the repository, where they go, and whether they are compressed there, as Debian has it.
const FILES: [(&str, &str, bool); 9] = [
    (
        "deploy/systemd/smswatch.service",
        "usr/lib/systemd/system/smswatch.service",
        false,
    ),
    (
        "deploy/debian/smswatch.sysusers",
        "usr/lib/sysusers.d/smswatch.conf",
        false,
    ),
    (
        "deploy/debian/copyright",
        "usr/share/doc/smswatch/copyright",
        false,
    ),
    ("CHANGELOG.md", "usr/share/doc/smswatch/changelog", true),
    (
        "docs/operation.md",
        "usr/share/doc/smswatch/operation.md",
        true,
    ),
    (
        "config/smswatch.yaml",
        "usr/share/doc/smswatch/examples/smswatch.yaml",
        false,
    ),
    (
        "config/rules.default.yaml",
        "usr/share/doc/smswatch/examples/rules.default.yaml",
        false,
    ),
    (
        "deploy/prometheus/smswatch.rules.yml",
        "usr/share/doc/smswatch/examples/smswatch.rules.yml",
        false,
    ),
    (
        "deploy/grafana/smswatch.json",
        "usr/share/doc/smswatch/examples/grafana-dashboard.json",
        false,
    ),
];

/// Where each shell looks for completions.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/smswatch"),
    ("zsh", "usr/share/zsh/vendor-completions/_smswatch"),
    ("fish", "usr/share/fish/vendor_completions.d/smswatch.fish"),
];

/// Puts everything but the control files of the package into `stage`.
pub(super) fn fill(stage: &Path, binary: &Path) -> anyhow::Result<()> {
    let program = stage.join("usr/bin/smswatch");
    make_parent(&program)?;
    fs::copy(binary, &program).context("could not copy the program")?;
    done(
        Command::new("strip")
            .args(["--strip-unneeded", "--remove-section=.comment"])
            .arg(&program),
    )?;
    set_mode(&program, 0o755)?;
    for (from, to, is_compressed) in FILES {
        let to = stage.join(to);
        let text = fs::read(root().join(from)).with_context(|| format!("could not read {from}"))?;
        write(&to, &text)?;
        if is_compressed {
            compress(&to)?;
        }
    }
    for (shell, to) in COMPLETIONS {
        let script = said(Command::new(binary).args(["completions", shell]))?;
        write(&stage.join(to), script.as_bytes())?;
    }
    let pages = stage.join("usr/share/man/man1");
    fs::create_dir_all(&pages).context("could not make the folder of the manual")?;
    done(Command::new(binary).arg("man").arg(&pages))?;
    for page in fs::read_dir(&pages).context("could not read the manual")? {
        let page = page.context("could not read the manual")?.path();
        set_mode(&page, 0o644)?;
        compress(&page)?;
    }
    let config = stage.join("etc/smswatch/smswatch.yaml");
    make_parent(&config)?;
    said(Command::new(binary).arg("init").arg(&config))?;
    // Secrets may come to stand there.
    set_mode(&config, 0o640)?;
    set_modes_of_folders(stage)?;
    set_mode(&stage.join("etc/smswatch"), 0o750)
}

/// Writes a file that everybody may read.
pub(super) fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    make_parent(path)?;
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))?;
    set_mode(path, 0o644)
}

pub(super) fn set_mode(path: &Path, mode: u32) -> anyhow::Result<()> {
    let set = fs::set_permissions(path, Permissions::from_mode(mode));
    set.with_context(|| format!("could not change the mode of {}", path.display()))
}

fn make_parent(path: &Path) -> anyhow::Result<()> {
    let parent = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("could not make {}", parent.display()))
}

/// Compresses a file in the same way on every machine and day.
fn compress(path: &Path) -> anyhow::Result<()> {
    done(
        Command::new("gzip")
            .args(["-9", "--no-name", "--force"])
            .arg(path),
    )
}

/// Makes all folders readable, whatever the builder's umask is.
fn set_modes_of_folders(folder: &Path) -> anyhow::Result<()> {
    set_mode(folder, 0o755)?;
    let entries = fs::read_dir(folder).context("could not look through the staged files")?;
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            set_modes_of_folders(&entry.path())?;
        }
    }
    Ok(())
}
