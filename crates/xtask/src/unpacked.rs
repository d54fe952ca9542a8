//! Unpacks Debian's packages of programs that would begin to serve when they are installed: tests start their own.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::command::done;
use crate::install;

/// Unpacks what is missing into `target/debian-tools`: Prometheus, and `promtool` beside it.
pub(crate) fn missing(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("debian-tools");
    let promtool = tools.join("usr/bin/promtool");
    if install::succeeds(&[&promtool.display().to_string(), "--version"]) {
        return Ok(());
    }
    println!("unpacking prometheus");
    install::apt(&["update", "-qq"])?;
    std::fs::create_dir_all(&tools).context("could not make a folder for it")?;
    done(
        Command::new("apt-get")
            // The user that it downloads as otherwise cannot write there.
            .args(["-o", "APT::Sandbox::User=root"])
            .args(["download", "-qq", "prometheus"])
            .current_dir(&tools),
    )?;
    let files = std::fs::read_dir(&tools).context("could not look for the package")?;
    let mut paths = files.flatten().map(|file| file.path());
    let package = paths.find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package.context("apt-get downloaded no package")?;
    done(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(&package)
            .arg(&tools),
    )?;
    std::fs::remove_file(package).context("could not remove the package")
}
