//! The Alertmanager sink keeps the promises of `Sink`, against a receiver that answers as Alertmanager does.

use serde_json::{Value, json};
use smswatch_sink_alertmanager::{AlertmanagerConfig, AlertmanagerSink};
use smswatch_sink_kit::schemars::schema_for;
use smswatch_sink_kit::{ConfiguredSink as _, InvalidConfig, Sink as _, SinkContext};
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;
use smswatch_testkit::sink_suite::{HttpSink, OverHttp};

const TOKEN: &str = "tk_7f3Q9xLm2Vb8RzWn";
const QUERY: &str = "k_9aB2vNe6UwPz5MrF";

fn configured(config: Value) -> Result<AlertmanagerSink, InvalidConfig> {
    let config = serde_json::from_value(config).expect("the configuration reads well");
    AlertmanagerSink::configure(config, &SinkContext::new("alertmanager"))
}

struct Alertmanager;

impl HttpSink for Alertmanager {
    type Sink = AlertmanagerSink;

    fn config(url: &str) -> Value {
        json!({"url": format!("{url}/prefix/?key={QUERY}"), "token": TOKEN})
    }

    fn secrets() -> Vec<String> {
        [TOKEN, QUERY].map(str::to_owned).into()
    }

    fn refused() -> Answer {
        Answer::status(400)
    }
}

smswatch_testkit::http_sink_suite!(OverHttp<Alertmanager>);

#[tokio::test]
async fn alerts_are_posted_below_the_prefix_and_readiness_is_asked_for_there() {
    let receiver = Receiver::start().await;
    let sink = OverHttp::<Alertmanager>::sink_at(&receiver.url(""));
    sink.probe().await.expect("it is ready");
    sink.deliver(&sample::notification())
        .await
        .expect("it is taken");
    let requests = receiver.wait_for(2).await;
    let asked = requests
        .iter()
        .map(|request| (&*request.method, &*request.path));
    let expected = [
        ("GET", format!("/prefix/-/ready?key={QUERY}")),
        ("POST", format!("/prefix/api/v2/alerts?key={QUERY}")),
    ];
    assert!(
        asked.eq(expected
            .iter()
            .map(|(method, path)| (*method, path.as_str())))
    );
    for request in &requests {
        let token = format!("Bearer {TOKEN}");
        assert_eq!(request.header("authorization"), Some(token.as_str()));
    }
}

#[tokio::test]
async fn a_rule_may_ask_for_labels_that_take_the_place_of_the_sinks() {
    let receiver = Receiver::start().await;
    let sink = configured(json!({
        "url": receiver.url(""),
        "labels": {"team": "messaging", "region": "eu"},
    }));
    let sink = sink.expect("it is valid");
    let mut notification = sample::notification();
    notification.overrides = json!({"labels": {"team": "otp"}})
        .as_object()
        .cloned()
        .expect("an object");
    sink.deliver(&notification).await.expect("it is taken");
    let labels = &receiver.wait_for(1).await[0].json()[0]["labels"];
    assert_eq!(
        (&labels["team"], &labels["region"]),
        (&json!("otp"), &json!("eu"))
    );
}

#[test]
fn what_makes_no_sense_is_told_with_its_key() {
    let error = |config: Value| {
        let error = configured(config).expect_err("it makes no sense");
        format!("{}: {error}", error.key().unwrap_or("-"))
    };
    let url = "http://alertmanager:9093";
    let errors = [
        error(json!({"url": "alertmanager"})),
        error(json!({"url": url, "token": "a\nb"})),
        error(json!({"url": url, "labels": {"alertname": "x"}})),
        error(json!({"url": url, "labels": {"tags.team": "x"}})),
        error(json!({"url": url, "fires_for": "0s"})),
        error(json!({"url": url, "lasts_for": "0s"})),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn the_schema_describes_every_key() {
    insta::assert_json_snapshot!(schema_for!(AlertmanagerConfig));
}
