//! `check --online` tries the store, and leaves nothing behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use routee_sim::{Sim, SimConfig};
use smswatch_testkit::receiver::RefusedPort;
use smswatch_testkit::redis_server::RedisServer;

use crate::process::{Process, check_in};
use crate::stage::sqlite_in;

struct Stage {
    sim: Sim,
    directory: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn config(&self, store: &str) -> PathBuf {
        let path = self.path().join("smswatch.yaml");
        let text = format!(
            r#"
routee: {{application_id: sim-app, application_secret: sim-secret, api_url: "{sim}", auth_url: "{sim}"}}
store: {{{store}}}
http: {{listen: "127.0.0.1:0"}}
sinks: {{console: {{type: console}}}}
rules: [{{name: all, notify: [console]}}]
"#,
            sim = self.sim.url(),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// What is said of the store, and the exit status.
    fn checked(&self, store: &str) -> (String, Option<i32>) {
        let output = check_in(&self.config(store), &["--online"], &[]);
        let all = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = all.lines().find(|line| line.starts_with("store "));
        let line = line
            .unwrap_or_else(|| panic!("{all} {output:?}"))
            .to_owned();
        (line, output.status.code())
    }

    fn files(&self) -> BTreeSet<std::ffi::OsString> {
        let entries = std::fs::read_dir(self.path()).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_sqlite_is_tried_and_one_that_is_in_use_is_no_error() {
    let stage = Stage::new();
    let store = format!("url: \"{}\"", sqlite_in(stage.path()));
    let (said, status) = stage.checked(&store);
    assert!(said.contains("is made at the first start"), "{said}");
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(stage.files(), BTreeSet::from(["smswatch.yaml".into()]));

    let process = Process::start(&stage.config(&store));
    let (said, status) = stage.checked(&store);
    assert!(said.contains("in use by another smswatch"), "{said}");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        process.ask(&["status"]).status.success(),
        "it was not disturbed"
    );
    assert_eq!(process.terminate(), Some(0));

    let before = stage.files();
    let (said, status) = stage.checked(&store);
    assert!(said.contains("can be opened and written"), "{said}");
    assert_eq!(status, Some(0), "{said}");
    assert!(stage.files().is_subset(&before), "{:?}", stage.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_is_tried_and_nothing_is_written_to_it() {
    let stage = Stage::new();
    let redis = RedisServer::start();
    let store = format!("url: \"{}\"", redis.url());
    let (said, status) = stage.checked(&store);
    assert!(
        said.contains("holds nothing under `smswatch` yet"),
        "{said}"
    );
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(redis.order(&["DBSIZE"]).trim(), ":0");

    let process = Process::start(&stage.config(&store));
    let (said, status) = stage.checked(&store);
    assert!(said.contains("holds 16 shards under `smswatch`"), "{said}");
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(process.terminate(), Some(0));

    let (said, status) = stage.checked(&format!("{store}, shards: 8"));
    assert!(
        said.contains("failed") && said.contains("made with 16 shards"),
        "{said}"
    );
    assert_eq!(status, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_cannot_be_the_store_is_told_with_why() {
    let stage = Stage::new();
    let cases: [(&[&str], &str); 4] = [
        (&["--requirepass", "hunter2"], "does not accept the login"),
        (
            &["--maxmemory-policy", "allkeys-lru"],
            "maxmemory-policy allkeys-lru",
        ),
        (&["--cluster-enabled", "yes"], "a node of a Redis Cluster"),
        (&["--replicaof", "127.0.0.1", "1"], "is a replica"),
    ];
    for (arguments, words) in cases {
        let redis = RedisServer::start_with(arguments);
        let (said, status) = stage.checked(&format!("url: \"{}\"", redis.url()));
        assert!(
            said.contains("failed") && said.contains(words),
            "{words}: {said}"
        );
        assert_eq!(status, Some(1), "{said}");
    }
    let away = RefusedPort::take();
    let (said, status) = stage.checked(&format!("url: \"redis://{}\"", away.address()));
    assert!(said.contains("cannot be reached"), "{said}");
    assert_eq!(status, Some(1), "{said}");
}
