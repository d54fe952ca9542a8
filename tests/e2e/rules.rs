//! `smswatch rules`: rules are tried without a running service.

mod backtest;
mod explain;
mod scenarios;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory with a configuration, and the commands that are run in it.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    /// A configuration with sinks `mail` and `slack`, and these `rules`.
    fn new(rules: &str) -> Self {
        let desk = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        let sinks = "  mail: {type: console}\n  slack: {type: console}\n";
        let routee = "routee: {application_id: a, application_secret: s}\n";
        desk.write("smswatch.yaml", &format!("{routee}sinks:\n{sinks}{rules}"));
        desk
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smswatch"))
            .args(arguments)
            .current_dir(self.path())
            .env_remove("SMSWATCH_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut stdin = child.stdin.take().expect("its standard input");
        // A command that needs no input may have ended by now.
        let _written = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the command ends")
    }
}

/// The exit status and both outputs, as a person at a terminal sees them.
fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "exit status {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}
