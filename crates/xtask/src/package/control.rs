//! What the package manager reads of the package: what it is, needs, and does when it is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::root;
use super::tree::{set_mode, write};
use crate::command::{done, said};

/// The scripts that the package manager runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// What a package says of itself.
pub(super) struct About<'a> {
    pub(super) version: &'a str,
    pub(super) architecture: &'a str,
    pub(super) maintainer: &'a str,
}

/// Puts the control files into `stage`, in which everything else lies already.
pub(super) fn fill(stage: &Path, about: &About<'_>) -> anyhow::Result<()> {
    let libraries = libraries(stage)?;
    write(
        &stage.join("DEBIAN/control"),
        control(stage, about, &libraries)?.as_bytes(),
    )?;
    write(
        &stage.join("DEBIAN/conffiles"),
        b"/etc/smswatch/smswatch.yaml\n",
    )?;
    write(
        &stage.join("usr/share/lintian/overrides/smswatch"),
        OVERRIDES.as_bytes(),
    )?;
    let changelog = format!(
        "smswatch ({}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- {}  {}",
        about.version,
        about.maintainer,
        said(Command::new("date").arg("-R"))?,
    );
    let changes = stage.join("usr/share/doc/smswatch/changelog.Debian");
    write(&changes, changelog.as_bytes())?;
    done(Command::new("gzip").args(["-9", "--no-name"]).arg(&changes))?;
    write(&stage.join("DEBIAN/md5sums"), sums(stage)?.as_bytes())?;
    for script in SCRIPTS {
        let text = fs::read(root().join("deploy/debian").join(script));
        let text = text.with_context(|| format!("could not read {script}"))?;
        let path = stage.join("DEBIAN").join(script);
        write(&path, &text)?;
        set_mode(&path, 0o755)?;
    }
    set_mode(&stage.join("DEBIAN"), 0o755)
}

/// What lintian says and why that is so.
const OVERRIDES: &str = "\
# Secrets may stand there; only the service and root read them.
smswatch: non-standard-dir-perm 0750 != 0755 [etc/smswatch/]
smswatch: non-standard-file-perm 0640 != 0644 [etc/smswatch/smswatch.yaml]
# It is built from this repository, and no part of the distribution.
smswatch: initial-upload-closes-no-bugs
# What reads YAML is written in Rust, after libyaml and with its messages.
smswatch: embedded-library libyaml [usr/bin/smswatch]
";

fn control(stage: &Path, about: &About<'_>, libraries: &str) -> anyhow::Result<String> {
    let size = said(
        Command::new("du")
            .args(["-k", "-s", "--apparent-size"])
            .arg(stage),
    )?;
    let size = size.split_whitespace().next().context("du prints a size")?;
    Ok(format!(
        "Package: smswatch
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {libraries}, ca-certificates, systemd | systemd-standalone-sysusers
Suggests: redis-server, prometheus
Section: net
Priority: optional
Description: status-change notifier for SMS
 smswatch follows the messages that are sent through Routee, notices every
 change of their status, and alerts the right people: in Slack, by e-mail,
 through a webhook, or with any program.
 .
 Rules in one YAML file say which changes matter. Nothing is lost: each change
 is stored in SQLite or Redis before anyone is notified.
",
        version = about.version,
        architecture = about.architecture,
        maintainer = about.maintainer,
    ))
}

/// The packages with the libraries that the program is linked to, as Debian works them out.
fn libraries(stage: &Path) -> anyhow::Result<String> {
    let beside = stage.join("shlibs");
    write(
        &beside.join("debian/control"),
        b"Source: smswatch\n\nPackage: smswatch\nArchitecture: any\n",
    )?;
    let program = stage.join("usr/bin/smswatch");
    let mut command = Command::new("dpkg-shlibdeps");
    let found = said(command.arg("-O").arg(&program).current_dir(&beside));
    fs::remove_dir_all(&beside).context("could not remove what was staged beside")?;
    let found = found?;
    let packages = found.trim().strip_prefix("shlibs:Depends=");
    Ok(packages
        .context("dpkg-shlibdeps names packages")?
        .to_owned())
}

/// The checksums of all files but those that the package manager looks after itself.
fn sums(stage: &Path) -> anyhow::Result<String> {
    let find = "find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum";
    said(Command::new("sh").arg("-c").arg(find).current_dir(stage))
}
