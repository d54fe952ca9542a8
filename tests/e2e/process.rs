//! The built binary as a process: started, asked, told to stop.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running `smswatch run`.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    /// Starts the binary with a configuration and waits until it says where its API is.
    pub(crate) fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_smswatch"))
            .arg("run")
            .arg("--config")
            .arg(config)
            .env("RUST_LOG", "info")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("it is piped");
        let (found, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut said = String::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                said.push_str(&line);
                said.push('\n');
                if let Some((_, url)) = line.split_once("its API is at ") {
                    // Who waits may have given up.
                    let url = url.split_whitespace().next().unwrap_or_default();
                    let _sent = found.send(Ok(url.to_owned()));
                }
            }
            let _sent = found.send(Err(said));
        });
        let url = address.recv_timeout(PATIENCE).expect("it says something");
        Self {
            child,
            url: url.unwrap_or_else(|said| panic!("it did not start: {said}")),
        }
    }

    /// Runs a command that speaks to the process.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_smswatch"))
            .args(arguments)
            .args(["--url", &self.url])
            .output()
            .expect("the command runs")
    }

    /// The JSON that a command prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.ask(&[arguments, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Sends SIGTERM and waits for the end; answers the exit status.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(killed.success());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not end");
    }
}

/// Runs `smswatch check` on a configuration.
pub(crate) fn check(config: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smswatch"))
        .arg("check")
        .arg("--config")
        .arg(config)
        .output()
        .expect("the command runs")
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
