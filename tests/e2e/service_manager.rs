//! What the program tells systemd of itself, played by a socket.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use smswatch_testkit::PATIENCE;

use crate::fleet::Fleet;
use crate::process::Process;

/// A service manager that is told how a process is. It listens all the time, as the real one does.
struct ServiceManager {
    told: Receiver<String>,
}

impl ServiceManager {
    fn new(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a new socket");
        let (teller, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut message = [0; 4096];
            while let Ok(length) = socket.recv(&mut message) {
                let text = String::from_utf8_lossy(&message[..length]).into_owned();
                if teller.send(text).is_err() {
                    return;
                }
            }
        });
        Self { told }
    }

    /// The next thing that it is told, line by line.
    fn told(&self) -> Vec<String> {
        let text = self
            .told
            .recv_timeout(PATIENCE)
            .expect("it is told something");
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until it is told `line`; returns all that came with it, and how often it was told `other` before.
    fn wait_for(&self, line: &str, other: &str) -> (Vec<String>, usize) {
        let mut n_others = 0;
        loop {
            let told = self.told();
            if told.iter().any(|told| told == line) {
                return (told, n_others);
            }
            n_others += told.iter().filter(|told| *told == other).count();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told_of_the_start_the_life_a_reload_and_the_end() {
    let (_fleet, proxy, config) = Fleet::behind_a_proxy().await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let manager = ServiceManager::new(&path);
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().expect("UTF-8")),
        ("WATCHDOG_USEC", "200000"),
    ];

    proxy.stall();
    let process = Process::start_saying_in(&config, &environment, "waits for its store; ");
    let waiting = manager.told();
    assert!(
        waiting[0].starts_with("STATUS=waits for its store: "),
        "{waiting:?}"
    );
    assert!(process.ask(&["health"]).status.success());
    let unready = process.ask(&["health", "--ready"]);
    assert_eq!(unready.status.code(), Some(1));
    let said = String::from_utf8_lossy(&unready.stderr).into_owned();
    assert!(said.contains("smswatch is not ready; store: "), "{said}");
    proxy.open();
    let (ready, n_pings) = manager.wait_for("READY=1", "WATCHDOG=1");
    assert_eq!(n_pings, 0, "it is not watched before it is ready");
    assert!(
        ready[1].starts_with("STATUS=the API is at http://127.0.0.1:"),
        "{ready:?}"
    );
    assert!(process.ask(&["health", "--ready"]).status.success());
    for _ in 0..5 {
        manager.wait_for("WATCHDOG=1", "READY=1");
    }

    process.signal("-HUP");
    let (reloading, _) = manager.wait_for("RELOADING=1", "WATCHDOG=1");
    let since = reloading[1].strip_prefix("MONOTONIC_USEC=");
    let since = since.expect("when it began").parse::<u64>();
    assert!(since.expect("a number") > 0);
    let (_, n_stopping) = manager.wait_for("READY=1", "STOPPING=1");
    assert_eq!(n_stopping, 0);

    assert_eq!(process.terminate(), Some(0));
    manager.wait_for("STOPPING=1", "READY=1");
}
