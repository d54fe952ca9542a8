//! A shard whose steps fail holds up no other.

use routee_sim::Fate;
use smswatch_plugin::store::{Shard, shard_of};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask;
use crate::process::Process;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_cannot_be_written_holds_up_no_other_and_goes_on_when_it_can() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = stage.config(&redis.url());
    let process = Process::start(&config);
    // In this key of shard 3 another program keeps a list.
    let made = redis.order(&["RPUSH", "smswatch:{3}:log", "x"]);
    assert!(made.starts_with(":1"), "{made}");
    let ids: Vec<String> = (0..64)
        .map(|_| stage.message(Fate::CarrierViolation))
        .collect();
    let is_stuck = |id: &&String| shard_of(id, 16) == Shard(3);
    let n_stuck = ids.iter().filter(is_stuck).count();
    assert!(n_stuck > 0, "none of these is in that shard");
    let mut words = vec!["watch"];
    words.extend(ids.iter().map(String::as_str));
    assert_eq!(process.json(&words)["accepted"], 64);
    let told = stage.webhook.wait_for(64 - n_stuck).await;
    for hook in &told {
        let id = hook.json()["data"]["events"][0]["message"]["message_id"].clone();
        assert_ne!(shard_of(id.as_str().expect("an id"), 16), Shard(3));
    }
    let (_, ready) = ask::json(&process, "/readyz").await;
    assert_eq!(ready["parts"]["contents"]["ok"], false, "{ready}");
    // Others go on while it is stuck.
    let id = loop {
        let id = stage.message(Fate::CarrierViolation);
        if !is_stuck(&&id) {
            break id;
        }
    };
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    stage.webhook.wait_for(65 - n_stuck).await;
    let gone = redis.order(&["DEL", "smswatch:{3}:log"]);
    assert!(gone.starts_with(":1"), "{gone}");
    stage.webhook.wait_for(65).await;
    assert_eq!(process.terminate(), Some(0));
}
