//! Every request leaves through the proxy that the configuration names, in whatever language it speaks.

use std::path::PathBuf;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::socks_proxy::SocksProxy;

use crate::process::{Process, check_in};

/// A world whose names only a proxy knows.
struct Stage {
    sim: Sim,
    webhook: Receiver,
    slack: Receiver,
    heartbeat: Receiver,
    directory: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        let slack = Receiver::start().await;
        slack.answer_always(Answer::status(200).body("ok"));
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            webhook: Receiver::start().await,
            slack,
            heartbeat: Receiver::start().await,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn names(&self) -> [(&'static str, std::net::SocketAddr); 4] {
        let sim = self.sim.url();
        let sim = sim.trim_start_matches("http://").parse();
        [
            ("routee.closed.example", sim.expect("an address")),
            ("crm.closed.example", self.webhook.address()),
            ("slack.closed.example", self.slack.address()),
            ("beat.closed.example", self.heartbeat.address()),
        ]
    }

    /// A configuration with these proxies, of all and of the webhook.
    fn config(&self, proxy: &str, of_webhook: &str) -> PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
routee:
  application_id: sim-app
  application_secret: sim-secret
  api_url: http://routee.closed.example
  auth_url: http://routee.closed.example
proxy: {proxy}
store: {{url: "sqlite:{directory}/store.db"}}
watch: {{schedule: [50ms]}}
http: {{listen: "127.0.0.1:0"}}
heartbeat: {{url: "http://beat.closed.example/ping", every: 1s}}
sinks:
  crm: {{type: webhook, url: "http://crm.closed.example/hook", allow_private: true{of_webhook}}}
  ops-slack: {{type: slack, webhook_url: "http://slack.closed.example/services/T/B/X"}}
rules:
  - {{name: undelivered, match: {{status: Undelivered}}, notify: [crm, ops-slack]}}
"#,
            directory = self.directory.path().display(),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Has a message watched that is not delivered, and waits until everybody was spoken to.
    async fn everybody_hears(&self, config: &std::path::Path) {
        let process = Process::start(config);
        let spec = MessageSpec {
            fate: Some(Fate::Undelivered),
            time_scale: 0.1,
            ..MessageSpec::default()
        };
        let id = self.sim.register(spec).expect("a message");
        let watched = process.ask(&["watch", &id]);
        assert!(watched.status.success(), "{watched:?}");
        self.webhook.wait_for(1).await;
        self.slack.wait_for(1).await;
        self.heartbeat.wait_for(1).await;
        assert_eq!(process.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_leaves_through_a_socks_proxy_that_alone_knows_the_names() {
    let stage = Stage::new().await;
    let proxy = SocksProxy::start_with_login(stage.names(), "bob", "hunter2");
    let proxy = proxy.await.expect("a free port");
    let url = format!("socks5h://bob:hunter2@{}", proxy.address());
    stage.everybody_hears(&stage.config(&url, "")).await;
    let asked_for = proxy.asked_for();
    for (name, _) in stage.names() {
        assert!(asked_for.contains(&format!("{name}:80")), "{asked_for:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_may_have_a_proxy_of_its_own() {
    let stage = Stage::new().await;
    let names = stage.names();
    let of_all = SocksProxy::start(names).await.expect("a free port");
    let of_webhook = SocksProxy::start(names).await.expect("a free port");
    let all = format!("socks5h://{}", of_all.address());
    let own = format!(", proxy: \"socks5h://{}\"", of_webhook.address());
    stage.everybody_hears(&stage.config(&all, &own)).await;
    let is_webhook = |name: &String| name == "crm.closed.example:80";
    assert!(of_webhook.asked_for().iter().all(is_webhook));
    assert!(!of_webhook.asked_for().is_empty());
    assert!(!of_all.asked_for().iter().any(is_webhook));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_proxy_of_the_environment_is_told_only_where_it_would_be_used() {
    let stage = Stage::new().await;
    let environment = [("ALL_PROXY", "ftp://127.0.0.1:1")];
    for (proxy, of_webhook, is_told) in [
        ("none", "", false),
        ("http://127.0.0.1:1", "", false),
        ("env", "", true),
        ("none", ", proxy: env", true),
    ] {
        let config = stage.config(proxy, of_webhook);
        let checked = check_in(&config, &[], &environment);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(0), "{said}");
        assert_eq!(
            said.contains("ALL_PROXY"),
            is_told,
            "{proxy}{of_webhook}: {said}"
        );
    }
}
