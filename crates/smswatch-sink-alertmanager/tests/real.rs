//! A real Alertmanager takes alerts, and ends them when they are resolved. `cargo xtask test` installs it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use smswatch_sink_alertmanager::AlertmanagerSink;
use smswatch_sink_kit::model::{Alert, AlertState, EventKind, Timestamp};
use smswatch_sink_kit::{
    ConfiguredSink as _, HttpClient, Method, Notification, Sink as _, SinkContext,
};
use smswatch_testkit::sample;

/// How long Alertmanager may take to start, or to do what it was told.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most of an answer that is read, in bytes.
const LARGEST: usize = 1_000_000;

/// An Alertmanager that notifies nobody, gone when it is dropped.
struct Alertmanager {
    child: Child,
    url: String,
    sink: AlertmanagerSink,
    http: HttpClient,
    _directory: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Alertmanager {
    async fn start() -> Self {
        smswatch_testkit::install_tls_provider();
        // Another test may take the free port first: then another one is tried.
        for _ in 0..20 {
            let mut started = Self::try_to_start();
            if started.is_ready().await {
                return started;
            }
        }
        panic!("Alertmanager does not start");
    }

    fn try_to_start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("alertmanager.yml");
        let nobody = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
        std::fs::write(&config, nobody).expect("a file");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = free.local_addr().expect("an address");
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
        let url = format!("http://{address}");
        let context = SinkContext::new("alertmanager");
        let http = HttpClient::to("url", &url, &context)
            .allow_private(true)
            .build();
        let config = json!({"url": url, "labels": {"team": "messaging"}});
        let config = serde_json::from_value(config).expect("it reads well");
        Self {
            child,
            sink: AlertmanagerSink::configure(config, &context).expect("it is valid"),
            http: http.expect("it is valid"),
            url,
            _directory: directory,
        }
    }

    /// Waits until it is ready, or has ended.
    async fn is_ready(&mut self) -> bool {
        let started = std::time::Instant::now();
        while self.child.try_wait().expect("it is there").is_none() {
            if self.sink.probe().await.is_ok() {
                return true;
            }
            assert!(started.elapsed() < PATIENCE, "{} does not answer", self.url);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    async fn delivers(&self, notification: &Notification) {
        let delivered = self.sink.deliver(notification).await;
        delivered.unwrap_or_else(|error| panic!("{}", error.detail()));
    }

    /// Waits until it has `n` alerts that have not ended.
    async fn alerts(&self, n: usize) -> Vec<Value> {
        let url = self.http.below("api/v2/alerts");
        let asking = async {
            loop {
                let answer = self.http.request(Method::GET, url.clone()).send().await;
                let answer = answer.unwrap_or_else(|error| panic!("{}", error.detail()));
                let alerts = answer.json::<Vec<Value>>(LARGEST).await;
                let alerts = alerts.unwrap_or_else(|error| panic!("{}", error.detail()));
                if alerts.len() == n {
                    return alerts;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let alerts = tokio::time::timeout(PATIENCE, asking).await;
        alerts.unwrap_or_else(|_| panic!("waited for {n} alerts"))
    }
}

/// What an alert on a rate tells, `ago` this machine's now.
fn rate(state: AlertState, ago: Duration) -> Notification {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later");
    let now = Timestamp::from_millis(i64::try_from(now.as_millis()).expect("it is not that late"));
    let by = BTreeMap::from([("country".to_owned(), "GR".to_owned())]);
    let mut notification = sample::notification();
    notification.kind = match state {
        AlertState::Firing => EventKind::AlertFiring,
        AlertState::Resolved => EventKind::AlertResolved,
    };
    notification.rule = "undelivered-rate".to_owned();
    notification.group = by.clone();
    notification.alert = Some(Alert {
        state,
        value: 40.5,
        count: 17,
        total: 42,
        window: "15m".to_owned(),
        by,
        started_at: now - Duration::from_secs(600),
        ended_at: (state == AlertState::Resolved).then_some(now - ago),
        held_back: 0,
        usual: None,
        common: Vec::new(),
    });
    notification
}

#[tokio::test]
async fn a_real_alertmanager_takes_alerts_and_ends_them() {
    let alertmanager = Alertmanager::start().await;
    // Twice, as after an answer that got lost: it is one alert.
    for _ in 0..2 {
        alertmanager
            .delivers(&rate(AlertState::Firing, Duration::ZERO))
            .await;
    }
    let alerts = alertmanager.alerts(1).await;
    let (labels, annotations) = (&alerts[0]["labels"], &alerts[0]["annotations"]);
    assert_eq!(
        labels,
        &json!({
            "alertname": "undelivered-rate",
            "country": "GR",
            "key": "carrier-violation",
            "severity": "critical",
            "team": "messaging",
        })
    );
    assert_eq!(annotations["summary"], json!(sample::notification().title));
    assert_eq!(alerts[0]["status"]["state"], json!("active"));

    alertmanager.delivers(&sample::odd()).await;
    alertmanager.alerts(2).await;

    alertmanager
        .delivers(&rate(AlertState::Resolved, Duration::from_secs(1)))
        .await;
    let left = alertmanager.alerts(1).await;
    assert_eq!(left[0]["labels"]["alertname"], json!("carrier-violation"));
}
