//! A real Redis on a free port, gone when it is dropped.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::PATIENCE;

/// A real `redis-server` with a directory of its own.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    port: Port,
    directory: tempfile::TempDir,
    arguments: Vec<String>,
}

impl RedisServer {
    /// Starts one that writes every change to its AOF before it answers.
    ///
    /// # Panics
    ///
    /// There is no `redis-server`, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts one with `arguments` of its own.
    ///
    /// # Panics
    ///
    /// There is no `redis-server`, or it does not start.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for Redis");
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        // Another test may take the free port before Redis does: then another one is tried.
        for _ in 0..20 {
            let port = Port::take();
            let mut child = spawn(port.number, &directory, &arguments);
            if answers(&mut child, &directory) {
                return Self {
                    child,
                    port,
                    directory,
                    arguments,
                };
            }
            reap(&mut child);
        }
        panic!("redis-server does not start");
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port.number)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Does something to it that smswatch never does; returns what it says, in its protocol.
    ///
    /// # Panics
    ///
    /// It does not answer.
    #[must_use]
    pub fn order(&self, words: &[&str]) -> String {
        ask(self.port.number, &words.join(" ")).expect("Redis answers")
    }

    /// How many bytes its AOF has grown by since it started with it.
    ///
    /// # Panics
    ///
    /// It has none.
    #[must_use]
    pub fn aof_length(&self) -> u64 {
        let file = std::fs::metadata(self.aof()).expect("an AOF");
        file.len()
    }

    /// Forgets what its AOF grew by since it had `length`, as a failover does that comes before the
    /// last writes.
    ///
    /// # Panics
    ///
    /// The file cannot be written.
    pub fn cut_aof(&self, length: u64) {
        let file = std::fs::OpenOptions::new().write(true).open(self.aof());
        let file = file.expect("an AOF");
        file.set_len(length).expect("it can be cut");
    }

    fn aof(&self) -> std::path::PathBuf {
        let name = "appendonlydir/appendonly.aof.1.incr.aof";
        self.directory.path().join(name)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        reap(&mut self.child);
    }

    /// Starts it again on the same port and data; ends it first where it runs.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port.number, &self.directory, &self.arguments);
        assert!(
            answers(&mut self.child, &self.directory),
            "redis-server does not start again"
        );
    }

    /// Starts it again and does not wait until it has read its data, which takes it at least
    /// `delay` for every command in its AOF.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub fn restart_slowly(&mut self, delay: Duration) {
        self.kill();
        let mut arguments = self.arguments.clone();
        let micros = delay.as_micros().to_string();
        let slowly = [
            "--key-load-delay",
            &micros,
            "--loading-process-events-interval-bytes",
            "1024",
        ];
        arguments.extend(slowly.map(str::to_owned));
        self.child = spawn(self.port.number, &self.directory, &arguments);
        let deadline = Instant::now() + PATIENCE;
        while pings(&self.directory).is_none() {
            assert!(
                Instant::now() < deadline,
                "redis-server does not start again"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}

fn reap(child: &mut Child) {
    // A process that has ended already needs no signal.
    let _killed = child.kill();
    let _reaped = child.wait();
}

/// A free port that nobody else gets, also while no Redis listens on it.
#[derive(Debug)]
struct Port {
    number: u16,
    /// Holds the port and does not listen. Both this and Redis say that they share their address, which the system grants
    /// to those that name the port, and to nobody who looks for a free one.
    _held: TcpSocket,
}

impl Port {
    fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("the system has sockets");
        socket.set_reuseaddr(true).expect("it can be shared");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(address).expect("a free port");
        let address = socket.local_addr().expect("a bound address");
        Self {
            number: address.port(),
            _held: socket,
        }
    }
}

fn spawn(port: u16, directory: &tempfile::TempDir, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--dir",
        ])
        .arg(directory.path())
        .arg("--unixsocket")
        .arg(socket(directory))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is missing: `cargo xtask test` installs it")
}

/// A second way to this Redis and to no other, which it opens when it has its port: what answers there may be the
/// Redis of another test that was faster.
fn socket(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("redis.sock")
}

/// Waits until Redis answers a PING; false when it ended before.
fn answers(child: &mut Child, directory: &tempfile::TempDir) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return false;
        }
        // One that wants a password first is up as well.
        let is_up = |answer: String| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH");
        if pings(directory).is_some_and(is_up) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn pings(directory: &tempfile::TempDir) -> Option<String> {
    let stream = UnixStream::connect(socket(directory)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    asked(stream, "PING")
}

fn ask(port: u16, words: &str) -> Option<String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    asked(stream, words)
}

fn asked(mut stream: impl Read + Write, words: &str) -> Option<String> {
    stream.write_all(format!("{words}\r\n").as_bytes()).ok()?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer[..length]).into_owned())
}
