//! A real Prometheus reads the program's metrics, and finds in them what the dashboard and the alerts in `deploy` ask for.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Url};
use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use serde_json::{Value, json};
use smswatch_testkit::PATIENCE;
use smswatch_testkit::receiver::{Answer, Receiver};

use crate::ask::until;
use crate::process::Process;
use crate::stage::{routee, sqlite_in};

const SECRET: &str = "a-secret-of-the-callbacks";

/// A file of the repository.
fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("a file")
}

/// A real Prometheus with a directory of its own, gone when it is dropped.
pub(crate) struct Prometheus {
    child: Child,
    url: String,
    /// Where it keeps its files.
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that reads the metrics of `process` every second, and evaluates the alerts of the repository.
    pub(crate) async fn start(process: &Process) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let rules = file("deploy/prometheus/smswatch.rules.yml");
        std::fs::write(directory.path().join("smswatch.rules.yml"), rules).expect("a file");
        let target = process.url.trim_start_matches("http://");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [smswatch.rules.yml]\n\
             scrape_configs: [{{job_name: smswatch, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
        );
        std::fs::write(directory.path().join("prometheus.yml"), config).expect("a file");
        // Another test may take the free port before Prometheus does: then another one is tried.
        for _ in 0..20 {
            let port = free_port();
            let mut child = spawn(port, directory.path());
            let url = format!("http://127.0.0.1:{port}");
            if is_ready(&mut child, &url).await {
                return Self {
                    child,
                    url,
                    _directory: directory,
                };
            }
            end(&mut child);
        }
        panic!("Prometheus does not start: {}", log(directory.path()));
    }

    /// What it says on a path of its API.
    pub(crate) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let url = format!("{}/api/v1/{path}", self.url);
        let url = Url::parse_with_params(&url, parameters).expect("a URL");
        let answer = Client::new().get(url).send().await.expect("it answers");
        let text = answer.text().await.expect("a body");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            answer["status"], "success",
            "{path} {parameters:?}: {answer}"
        );
        answer["data"].clone()
    }

    /// Whether a query returns a figure.
    async fn has_data(&self, query: &str) -> bool {
        let data = self.get("query", &[("query", query)]).await;
        let results = data["result"].as_array().expect("results");
        let is_figure = |result: &Value| {
            result["value"][1]
                .as_str()
                .is_some_and(|value| value != "NaN")
        };
        results.iter().any(is_figure)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It has ended already where it did not start.
    let _killed = child.kill();
    let _reaped = child.wait();
}

fn log(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("log")).unwrap_or_default()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    address.port()
}

fn spawn(port: u16, directory: &Path) -> Child {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../debian-tools");
    let log = std::fs::File::create(directory.join("log")).expect("a file");
    Command::new(tools.join("usr/bin/prometheus"))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=data")
        .arg("--enable-feature=exemplar-storage")
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("`cargo xtask test` unpacks Prometheus")
}

/// Waits until Prometheus answers, or has ended.
async fn is_ready(child: &mut Child, url: &str) -> bool {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if child.try_wait().expect("it is our child").is_some() {
            return false;
        }
        let answer = Client::new().get(format!("{url}/-/ready")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Writes a configuration in which everything happens that the dashboard shows.
fn config(sim: &Sim, crm: &Receiver, broken: &Receiver, directory: &Path) -> PathBuf {
    let path = directory.join("smswatch.yaml");
    let text = format!(
        r#"
{routee}
store: {{url: "{store}"}}
watch:
  schedule: [200ms]
  sweep: {{every: 1s, window: 2h}}
callbacks: {{secret: {SECRET}, hold: 0s}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{crm}", allow_private: true}}
  broken: {{type: webhook, url: "{broken}", allow_private: true}}
rules:
  - {{name: all, event: any, notify: [crm]}}
  - {{name: undelivered, match: {{status: Undelivered}}, notify: [broken]}}
"#,
        routee = routee(sim, ""),
        store = sqlite_in(directory),
        crm = crm.url("/hook"),
        broken = broken.url("/hook"),
    );
    std::fs::write(&path, text).expect("a file");
    path
}

/// Something new happens: a message is sent and watched, and Routee calls back about another one.
async fn something_happens(sim: &Sim, process: &Process, n: usize) {
    let spec = MessageSpec {
        fate: Some(Fate::Undelivered),
        time_scale: 0.05,
        ..MessageSpec::default()
    };
    let watched = sim.register(spec).expect("a message");
    let registered = process.ask(&["watch", &watched]);
    assert!(registered.status.success(), "{registered:?}");
    let callback = json!({
        "messageId": format!("pushed-{n}"), "smsId": format!("pushed-{n}-1"), "part": 1, "parts": 1,
        "to": "+306900000001", "from": "MyShop", "country": "GR", "operator": "Example Mobile",
        "status": {"name": "Delivered", "updatedDate": "2026-05-01T10:28:49Z"},
    });
    let answer = Client::new()
        .post(format!("{}/callbacks/routee/{SECRET}", process.url))
        .header("content-type", "application/json")
        .body(callback.to_string())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

/// The queries of the dashboard, each with the title of its panel.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value =
        serde_json::from_str(&file("deploy/grafana/smswatch.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let queries = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().expect("a title");
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(move |target| {
            let expr = target["expr"].as_str().expect("a query");
            let expr = expr
                .replace("$job", ".*")
                .replace("$__rate_interval", "10m");
            (title.to_owned(), expr)
        })
    });
    queries.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_shows_something_and_every_alert_can_be_evaluated() {
    smswatch_testkit::install_tls_provider();
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let (crm, broken) = (Receiver::start().await, Receiver::start().await);
    broken.answer_always(Answer::status(422));
    let directory = tempfile::tempdir().expect("a directory");
    let process = Process::start(&config(&sim, &crm, &broken, directory.path()));
    let prometheus = Prometheus::start(&process).await;

    // An increase is one only after what was before.
    let none_is_dead = r#"smswatch_deliveries_total{sink="broken",result="dead"} == 0"#;
    until("the metrics are read", async || {
        prometheus.has_data(none_is_dead).await
    })
    .await;

    let mut waiting = queries();
    assert!(waiting.len() > 35, "{waiting:?}");
    let begun = Instant::now();
    for n in 0.. {
        something_happens(&sim, &process, n).await;
        let mut still = Vec::new();
        for (title, query) in waiting {
            if !prometheus.has_data(&query).await {
                still.push((title, query));
            }
        }
        waiting = still;
        if waiting.is_empty() {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "these show nothing: {waiting:?}"
        );
    }

    until("every alert was evaluated", async || {
        let data = prometheus.get("rules", &[]).await;
        let rules = data["groups"][0]["rules"].as_array().cloned();
        let rules = rules.unwrap_or_default();
        let broken = rules.iter().find(|rule| rule["health"] == "err");
        assert!(broken.is_none(), "{broken:?}");
        !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")
    })
    .await;
    // What was refused for good is told, and nothing else that is wrong here.
    let fires = |alerts: &Value| {
        let alerts = alerts["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts
            .into_iter()
            .filter(|alert| alert["state"] == "firing");
        let names = firing.map(|alert| alert["labels"]["alertname"].to_string());
        names.collect::<Vec<_>>()
    };
    until("the dead letters are told", async || {
        fires(&prometheus.get("alerts", &[]).await) == ["\"SmswatchDeadLetters\""]
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}
