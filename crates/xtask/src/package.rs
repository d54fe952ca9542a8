//! `cargo xtask package`: a package for Debian, of the program, what it prints about itself, and what lies in `deploy`.

mod control;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::command::{cargo, done, said};
use crate::measure;

/// What is asked for on the command line.
struct Options {
    /// The program, built already.
    binary: Option<PathBuf>,
    /// Where the package goes.
    out: Option<PathBuf>,
    /// Whom users of the package write to.
    maintainer: String,
}

impl Options {
    fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self {
            binary: None,
            out: None,
            maintainer: "the smswatch authors <smswatch@smswatch.invalid>".to_owned(),
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let value = arguments.next();
            let value = value.with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--binary" => options.binary = Some(PathBuf::from(value)),
                "--out" => options.out = Some(PathBuf::from(value)),
                "--maintainer" => options.maintainer.clone_from(value),
                _ => bail!("unknown option {name}; expected --binary, --out or --maintainer"),
            }
        }
        Ok(options)
    }
}

/// Builds the package and prints where it is.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let target = measure::target_directory()?;
    let binary = match options.binary {
        Some(binary) => binary,
        None => built(&target)?,
    };
    let version = said(Command::new(&binary).arg("--version"))?;
    let version = version.split_whitespace().last();
    // The 1 is the package's own version of this version.
    let version = format!("{}-1", version.context("the program has a version")?);
    let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;

    let stage = std::env::temp_dir().join(format!("smswatch-package-{}", std::process::id()));
    let out = options.out.unwrap_or_else(|| target.join("debian"));
    std::fs::create_dir_all(&out).context("could not make the folder of the package")?;
    let package = out.join(format!("smswatch_{version}_{}.deb", architecture.trim()));
    let made = tree::fill(&stage, &binary)
        .and_then(|()| {
            let about = control::About {
                version: &version,
                architecture: architecture.trim(),
                maintainer: &options.maintainer,
            };
            control::fill(&stage, &about)
        })
        .and_then(|()| {
            let build = ["--root-owner-group", "-Zxz", "-z2", "--build"];
            done(
                Command::new("dpkg-deb")
                    .args(build)
                    .arg(&stage)
                    .arg(&package)
                    .stdout(Stdio::null()),
            )
        });
    std::fs::remove_dir_all(&stage).context("could not remove the staged files")?;
    made?;
    println!("{}", package.display());
    Ok(())
}

/// Builds the program as it is meant to run for long.
fn built(target: &Path) -> anyhow::Result<PathBuf> {
    let build = [
        "build",
        "--profile",
        "dist",
        "--locked",
        "--package",
        "smswatch",
        "--features",
        "otlp",
    ];
    done(cargo().args(build).args(["--bin", "smswatch"]))?;
    Ok(target.join("dist/smswatch"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
