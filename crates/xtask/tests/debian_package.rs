//! Holds that the package for Debian is built, that lintian finds nothing wrong with it, and that it is installed, upgraded and
//! purged as it should be: in a folder of its own, never in the system of whoever runs this.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program as `cargo xtask test` has built it.
fn program() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../debug/smswatch")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Runs a command that must succeed; returns its output.
#[track_caller]
fn done(command: &mut Command) -> String {
    let name = format!("{command:?}");
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(output.status.success(), "{name}: {}", said(&output));
    said(&output)
}

/// An empty system, with what the package manager keeps of it.
struct System {
    root: PathBuf,
}

impl System {
    fn new(root: PathBuf) -> Self {
        for folder in [
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/lib/dpkg/triggers",
            "etc",
            "var/log",
        ] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        fs::write(root.join("var/lib/dpkg/status"), "").expect("a file");
        Self { root }
    }

    /// Has the package manager do something with the packages of this system alone. Scripts are told which system is meant.
    #[track_caller]
    fn dpkg(&self, arguments: &[&str]) -> String {
        done(
            Command::new("fakeroot")
                .args([
                    "dpkg",
                    "--force-depends",
                    "--force-not-root",
                    "--force-script-chrootless",
                ])
                .arg(format!("--root={}", self.root.display()))
                .arg(format!(
                    "--log={}",
                    self.root.join("var/log/dpkg.log").display()
                ))
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn mode(&self, path: &str) -> u32 {
        let metadata = fs::metadata(self.path(path)).expect("it is there");
        metadata.permissions().mode() & 0o7777
    }
}

#[test]
fn the_package_is_sound_and_can_be_installed_upgraded_and_purged() {
    let directory = std::env::temp_dir().join(format!("smswatch-debian-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a folder");
    let printed = done(
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["package", "--binary"])
            .arg(program())
            .arg("--out")
            .arg(&directory),
    );
    let package = printed.lines().find(|line| line.ends_with(".deb"));
    let package = package.expect("it says where the package is");

    let contents = done(Command::new("dpkg-deb").args(["--contents", package]));
    for (mode, path) in [
        ("-rwxr-xr-x", "./usr/bin/smswatch"),
        ("-rw-r--r--", "./usr/lib/systemd/system/smswatch.service"),
        ("-rw-r-----", "./etc/smswatch/smswatch.yaml"),
        ("-rw-r--r--", "./usr/share/man/man1/smswatch-run.1.gz"),
        ("-rw-r--r--", "./usr/share/zsh/vendor-completions/_smswatch"),
        ("-rw-r--r--", "./usr/share/doc/smswatch/copyright"),
    ] {
        let is_it = |line: &str| {
            line.starts_with(mode) && line.ends_with(path) && line.contains("root/root")
        };
        assert!(
            contents.lines().any(is_it),
            "{mode} {path} is not in\n{contents}"
        );
    }
    let info = done(Command::new("dpkg-deb").args(["--info", package]));
    for line in [" Package: smswatch", "ca-certificates", "libc6 (>= "] {
        assert!(info.contains(line), "{line} is not in\n{info}");
    }
    let lintian = [
        "--allow-root",
        "--fail-on",
        "error,warning",
        "--tag-display-limit",
        "0",
    ];
    let found = done(Command::new("lintian").args(lintian).arg(package));
    assert_eq!(found, "", "lintian");

    let system = System::new(directory.join("root"));
    system.dpkg(&["--install", package]);
    let group = fs::read_to_string(system.path("etc/group")).expect("a file");
    assert!(group.contains("smswatch:"), "{group}");
    assert_eq!(system.mode("etc/smswatch/smswatch.yaml"), 0o640);
    assert_eq!(system.mode("etc/smswatch"), 0o750);
    let checked = Command::new(system.path("usr/bin/smswatch"))
        .args(["check", "--config"])
        .arg(system.path("etc/smswatch/smswatch.yaml"))
        .env("ROUTEE_APPLICATION_ID", "a")
        .env("ROUTEE_APPLICATION_SECRET", "b")
        .current_dir(&directory)
        .output()
        .expect("it runs");
    assert!(checked.status.success(), "{}", said(&checked));

    // What an operator wrote outlives an upgrade and a removal, and what was stored outlives a removal.
    let config = system.path("etc/smswatch/smswatch.yaml");
    let text = fs::read_to_string(&config).expect("a file");
    fs::write(&config, format!("{text}# ours\n")).expect("a file");
    fs::create_dir_all(system.path("var/lib/smswatch")).expect("a folder");
    fs::write(system.path("var/lib/smswatch/smswatch.db"), "").expect("a file");
    system.dpkg(&["--install", package]);
    system.dpkg(&["--remove", "smswatch"]);
    assert!(!system.path("usr/bin/smswatch").exists());
    assert!(
        fs::read_to_string(&config)
            .expect("a file")
            .ends_with("# ours\n")
    );
    assert!(system.path("var/lib/smswatch/smswatch.db").exists());
    system.dpkg(&["--purge", "smswatch"]);
    assert!(!system.path("etc/smswatch").exists());
    assert!(!system.path("var/lib/smswatch").exists());
    fs::remove_dir_all(&directory).expect("it was made");
}
