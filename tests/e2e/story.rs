//! Four messages meet their fates, and the right people are notified, once.

use routee_sim::{Fate, MessageSpec};
use serde_json::Value;
use smswatch_testkit::redis_server::RedisServer;

use crate::process::Process;
use crate::stage::{SECRET, Stage, settled, sqlite_in};

async fn the_right_people_hear_of_the_right_messages_once(store: &str) {
    let stage = Stage::with_mail().await;
    let config = stage.config(store);
    let process = Process::start(&config);
    let fates = [
        Fate::Delivered,
        Fate::CarrierViolation,
        Fate::UnknownNumber,
        Fate::Failed,
    ];
    let ids = fates.map(|fate| stage.message(fate));
    let watch: Vec<&str> = ["watch", "--tag", "team=crm"]
        .into_iter()
        .chain(ids.iter().map(String::as_str))
        .collect();
    assert_eq!(process.json(&watch)["accepted"], 4);
    assert_eq!(process.json(&watch)["already_watched"], 4);

    let hooks = stage.webhook.wait_for(3).await;
    let verifier = standardwebhooks::Webhook::new(SECRET).expect("a key");
    for hook in &hooks {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let value = hook.header(name).expect(name);
            headers.insert(name, value.parse().expect("a header"));
        }
        verifier
            .verify(&hook.body, &headers)
            .expect("the signature is right");
    }
    let told: Vec<Value> = hooks
        .iter()
        .map(smswatch_testkit::receiver::Request::json)
        .collect();
    let of = |id: &str| {
        let is_it = |body: &&Value| body["data"]["events"][0]["message"]["message_id"] == id;
        told.iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{id} was not told"))
    };
    let violation = of(&ids[1]);
    assert_eq!(violation["type"], "sms.status_changed");
    assert_eq!(violation["data"]["rule"], "carrier-violation");
    assert_eq!(violation["data"]["severity"], "critical");
    let event = &violation["data"]["events"][0];
    assert_eq!(event["current"]["status"], "Undelivered");
    assert_eq!(event["current"]["detailed_status"], "Carrier Violation");
    assert_eq!(event["message"]["to"], "+3069******01");
    assert_eq!(event["message"]["tags"]["team"], "crm");
    assert_eq!(event["fault"], "sender");
    assert_eq!(of(&ids[2])["data"]["rule"], "undelivered");
    assert_eq!(
        of(&ids[3])["data"]["events"][0]["current"]["status"],
        "Failed"
    );
    assert_eq!(stage.slack.wait_for(1).await.len(), 1);
    assert_eq!(stage.mail().wait_for(1).await.len(), 1);

    settled(&process, &ids).await;
    let polls = |id: &str| stage.sim.message(id).expect("it is known").polls;
    let polls_before = ids.each_ref().map(|id| polls(id));
    assert_eq!(process.terminate(), Some(0));

    // After a restart nothing is repeated and nothing forgotten.
    let process = Process::start(&config);
    let late = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &late])["accepted"], 1);
    let hooks = stage.webhook.wait_for(4).await;
    assert_eq!(
        hooks[3].json()["data"]["events"][0]["message"]["message_id"],
        late.as_str()
    );
    settled(&process, std::slice::from_ref(&late)).await;
    assert_eq!(stage.webhook.requests().len(), 4);
    assert_eq!(stage.slack.wait_for(2).await.len(), 2);
    assert_eq!(
        ids.each_ref().map(|id| polls(id)),
        polls_before,
        "final messages are left alone"
    );
    let tested = process.ask(&["sink", "test", "crm"]);
    assert!(tested.status.success());
    assert!(stage.webhook.wait_for(5).await[4].text().contains("[TEST]"));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_the_right_people_hear_of_the_right_messages_once() {
    let redis = RedisServer::start();
    the_right_people_hear_of_the_right_messages_once(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_the_right_people_hear_of_the_right_messages_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite_in(directory.path());
    the_right_people_hear_of_the_right_messages_once(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_before_it_was_seen_is_told_with_nothing_before() {
    let stage = Stage::with_mail().await;
    let store = sqlite_in(stage.directory.path());
    let process = Process::start(&stage.config(&store));
    let spec = MessageSpec {
        fate: Some(Fate::CarrierViolation),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let told = stage.webhook.wait_for(1).await[0].json();
    assert_eq!(told["data"]["events"][0]["previous"], Value::Null);
    let spec = MessageSpec {
        fate: Some(Fate::MixedParts),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let told = stage.webhook.wait_for(2).await[1].json();
    assert_eq!(told["data"]["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["data"]["events"][0]["message"]["outcome"], "failed");
}
