//! The built binary as a process: started, asked, told to stop.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use smswatch_testkit::PATIENCE;

/// A running `smswatch run`.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    pub(crate) token: Option<&'static str>,
    said: Arc<Said>,
    readers: Vec<JoinHandle<()>>,
}

/// All that the process wrote so far, to either stream.
#[derive(Default)]
struct Said(Mutex<String>);

impl Process {
    /// Starts the binary with a configuration and waits until it says where its API is.
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_logging(config, "info")
    }

    /// The same, with a log as detailed as `level` says.
    pub(crate) fn start_logging(config: &Path, level: &str) -> Self {
        let mut process = Self::spawn(config, level);
        process.url = process.wait_for_words("its API is at ");
        process
    }

    /// Starts the binary with variables in its environment.
    pub(crate) fn start_in(config: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        command.envs(environment.iter().copied());
        let mut process = Self::spawn_as(command, config, "info");
        process.url = process.wait_for_words("its API is at ");
        process
    }

    /// Starts the binary and waits until it says these words before it says where it answers.
    pub(crate) fn start_saying(config: &Path, words: &str) -> Self {
        let mut process = Self::spawn(config, "info");
        let url = process.wait_for_words(words);
        process.url = url.trim_end_matches("/readyz").to_owned();
        process
    }

    /// The same, with variables in its environment.
    pub(crate) fn start_saying_in(
        config: &Path,
        environment: &[(&str, &str)],
        words: &str,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        command.envs(environment.iter().copied());
        let mut process = Self::spawn_as(command, config, "info");
        let url = process.wait_for_words(words);
        process.url = url.trim_end_matches("/readyz").to_owned();
        process
    }

    /// Starts the binary so that it outlives [`Process::fill_disk`].
    pub(crate) fn start_on_small_disk(config: &Path) -> Self {
        let mut command = Command::new("env");
        command
            .arg("--ignore-signal=XFSZ")
            .arg(env!("CARGO_BIN_EXE_smswatch"));
        let mut process = Self::spawn_as(command, config, "info");
        process.url = process.wait_for_words("its API is at ");
        process
    }

    /// Lets no file be written any more.
    pub(crate) fn fill_disk(&self) {
        self.limit_files("0:");
    }

    /// Lets files be written again.
    pub(crate) fn empty_disk(&self) {
        self.limit_files("unlimited:");
    }

    fn limit_files(&self, limit: &str) {
        let pid = self.child.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--fsize={limit}")])
            .status()
            .expect("prlimit runs");
        assert!(limited.success());
    }

    fn spawn(config: &Path, level: &str) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        Self::spawn_as(command, config, level)
    }

    /// Starts the binary with a standard output that nobody reads.
    pub(crate) fn start_unread(config: &Path) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        let mut process = Self::spawn_with(command, config, "info", false);
        process.url = process.wait_for_words("its API is at ");
        process
    }

    /// Starts the binary with streams that nobody reads; its API is to be at `url`.
    pub(crate) fn start_into(config: &Path, url: &str, stderr: Stdio, stdout: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        command.arg("run").arg("--config").arg(config);
        Self::spawn_into(command, url, stderr, stdout)
    }

    /// The same with the demo.
    pub(crate) fn start_demo_into(url: &str, stderr: Stdio, stdout: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smswatch"));
        let listen = url.trim_start_matches("http://");
        command.args(["demo", "--seconds", "600", "--listen", listen]);
        Self::spawn_into(command, url, stderr, stdout)
    }

    fn spawn_into(mut command: Command, url: &str, stderr: Stdio, stdout: Stdio) -> Self {
        let child = command.stdout(stdout).stderr(stderr).spawn();
        Self {
            child: child.expect("the binary starts"),
            url: url.to_owned(),
            token: None,
            said: Arc::default(),
            readers: Vec::new(),
        }
    }

    /// Waits until the API of a process answers that says nothing.
    pub(crate) fn wait_for_api(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.ask(&["status"]).status.success() {
            let has_ended = self.child.try_wait().expect("it is our child").is_some();
            assert!(!has_ended, "it ended");
            assert!(Instant::now() < deadline, "its API does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn spawn_as(command: Command, config: &Path, level: &str) -> Self {
        Self::spawn_with(command, config, level, true)
    }

    fn spawn_with(mut command: Command, config: &Path, level: &str, is_read: bool) -> Self {
        let mut child = command
            .arg("run")
            .arg("--config")
            .arg(config)
            .env("RUST_LOG", level)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let said = Arc::new(Said::default());
        let mut readers = vec![said.keep(child.stderr.take().expect("it is piped"))];
        if is_read {
            readers.push(said.keep(child.stdout.take().expect("it is piped")));
        }
        Self {
            child,
            url: String::new(),
            token: None,
            said,
            readers,
        }
    }

    /// The same process, asked with a token.
    pub(crate) fn with_token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// Waits until the process has written `words`; answers the word behind them.
    pub(crate) fn wait_for_words(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let has_ended = self.child.try_wait().expect("it is our child").is_some();
            let said = self.said();
            if let Some((_, rest)) = said.split_once(words)
                && rest.contains('\n')
            {
                return rest
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
            }
            assert!(!has_ended, "it ended: {said}");
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it never said {words:?}: {}", self.said());
    }

    /// All that the process wrote so far, to either stream.
    pub(crate) fn said(&self) -> String {
        self.said
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs a command that speaks to the process.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_smswatch"))
            .args(arguments)
            .args(["--url", &self.url])
            .args(self.token.into_iter().flat_map(|token| ["--token", token]))
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

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Has it stand still until [`Self::go_on`], as a machine without time for it does.
    pub(crate) fn stand_still(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// How many bytes of memory it takes.
    pub(crate) fn resident_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        kib.expect("a number").parse::<u64>().expect("a number") * 1024
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Sends SIGTERM and waits for the end; answers the exit status.
    pub(crate) fn terminate(self) -> Option<i32> {
        self.end_by("-TERM")
    }

    /// The same with another signal.
    pub(crate) fn end_by(mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
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
    check_in(config, &[], &[])
}

/// The same with more arguments, and with variables in its environment.
pub(crate) fn check_in(config: &Path, more: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smswatch"))
        .arg("check")
        .args(more)
        .arg("--config")
        .arg(config)
        .envs(environment.iter().copied())
        .output()
        .expect("the command runs")
}

/// Runs the binary with a configuration that it cannot start with; answers its exit status and
/// what it said.
pub(crate) fn ended(config: &Path) -> (Option<i32>, String) {
    let mut process = Process::spawn(config, "info");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = process.child.try_wait().expect("it is our child") {
            for reader in process.readers.drain(..) {
                reader.join().expect("reading does not panic");
            }
            return (status.code(), process.said());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not end: {}", process.said());
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Said {
    /// Keeps what comes out of `stream`, until it ends.
    fn keep(self: &Arc<Self>, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let said = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = said.0.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&line);
                text.push('\n');
            }
        })
    }
}
