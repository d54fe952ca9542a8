//! A real Alertmanager takes alerts, and ends them when they are resolved. `cargo xtask test` installs it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use smswatch_sink_alertmanager::AlertmanagerSink;
use smswatch_sink_kit::model::{Alert, AlertState, EventKind, Timestamp};
use smswatch_sink_kit::{ConfiguredSink as _, Notification, Sink as _, SinkContext};
use smswatch_testkit::PATIENCE;
use smswatch_testkit::alertmanager::Alertmanager;
use smswatch_testkit::sample;

fn sink_for(alertmanager: &Alertmanager) -> AlertmanagerSink {
    smswatch_testkit::install_tls_provider();
    let config = json!({"url": alertmanager.url(), "labels": {"team": "messaging"}});
    let config = serde_json::from_value(config).expect("it reads well");
    AlertmanagerSink::configure(config, &SinkContext::new("alertmanager")).expect("it is valid")
}

async fn deliver(sink: &AlertmanagerSink, notification: &Notification) {
    let delivered = sink.deliver(notification).await;
    delivered.unwrap_or_else(|error| panic!("{}", error.detail()));
}

/// Waits until Alertmanager has `n` alerts that have not ended.
async fn alerts(alertmanager: &Alertmanager, n: usize) -> Vec<Value> {
    let asking = async {
        loop {
            let alerts = alertmanager.alerts();
            if alerts.len() == n {
                return alerts;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let alerts = tokio::time::timeout(PATIENCE, asking).await;
    alerts.unwrap_or_else(|_| panic!("waited for {n} alerts"))
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
    let alertmanager = Alertmanager::start();
    let sink = sink_for(&alertmanager);
    sink.probe().await.expect("it is ready");
    // Twice, as after an answer that got lost: it is one alert.
    for _ in 0..2 {
        deliver(&sink, &rate(AlertState::Firing, Duration::ZERO)).await;
    }
    let firing = alerts(&alertmanager, 1).await;
    let (labels, annotations) = (&firing[0]["labels"], &firing[0]["annotations"]);
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
    assert_eq!(firing[0]["status"]["state"], json!("active"));

    deliver(&sink, &sample::odd()).await;
    alerts(&alertmanager, 2).await;

    deliver(&sink, &rate(AlertState::Resolved, Duration::from_secs(1))).await;
    let left = alerts(&alertmanager, 1).await;
    assert_eq!(left[0]["labels"]["alertname"], json!("carrier-violation"));
}
