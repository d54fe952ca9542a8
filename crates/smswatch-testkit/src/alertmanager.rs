//! A real Alertmanager on a free port, gone when it is dropped.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::PATIENCE;

/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// A real `prometheus-alertmanager` that notifies nobody.
#[derive(Debug)]
pub struct Alertmanager {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// There is no `prometheus-alertmanager`, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        // Another test may take the free port first: then another one is tried.
        for _ in 0..20 {
            let mut started = Self::try_to_start();
            if started.becomes_ready() {
                return started;
            }
        }
        panic!("Alertmanager does not start");
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The alerts that it has and that have not ended, as its API tells them.
    ///
    /// # Panics
    ///
    /// It gives no such answer.
    #[must_use]
    pub fn alerts(&self) -> Vec<Value> {
        let answer = self.get("/api/v2/alerts").expect("Alertmanager answers");
        serde_json::from_str(&answer).expect("a list of alerts")
    }

    fn try_to_start() -> Self {
        let directory = tempfile::tempdir().expect("a directory for Alertmanager");
        let config = directory.path().join("alertmanager.yml");
        let nobody = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
        std::fs::write(&config, nobody).expect("a file");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = free.local_addr().expect("a bound socket has an address");
        drop(free);
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", directory.path().display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`cargo xtask test` installs Alertmanager");
        Self {
            child,
            address,
            _directory: directory,
        }
    }

    /// Waits until it is ready; `false` if it has ended.
    fn becomes_ready(&mut self) -> bool {
        let started = Instant::now();
        while self.child.try_wait().expect("it is there").is_none() {
            if self.get("/-/ready").is_some() {
                return true;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{} does not answer",
                self.url()
            );
            std::thread::sleep(PAUSE);
        }
        false
    }

    /// The body of a good answer.
    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // In this version of HTTP a body ends with its connection.
        let request = format!("GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?;
        (status == "200").then(|| body.to_owned())
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
