//! A sink sees only the tags that it may see, whatever the rule matches.

use routee_sim::Fate;
use smswatch_testkit::receiver::Receiver;

use crate::process::Process;
use crate::stage::{Stage, webhook};

const RULES: &str = "
  - name: of-vips
    match: {status: Undelivered, tags.customer: vip-*}
    template: {title: \"Undelivered for {{ events[0].message.tags }}\"}
    notify: [all, team, none]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_sees_only_the_tags_that_it_may_see() {
    let stage = Stage::new().await;
    let receivers = [
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    ];
    let options = [
        ("all", ""),
        ("team", ", privacy: {tags: [team]}"),
        ("none", ", privacy: {tags: []}"),
    ];
    let sinks = options
        .iter()
        .zip(&receivers)
        .map(|((name, more), receiver)| webhook(name, receiver, more));
    let sinks: String = sinks.collect();
    let path = stage.config_with_sinks(&stage.sqlite(), &sinks, RULES);
    let process = Process::start(&path);
    let id = stage.ended(Fate::Undelivered);
    let watched = process.json(&["watch", &id, "--tag", "team=crm", "--tag", "customer=vip-7"]);
    assert_eq!(watched["accepted"], 1);
    let expected = [
        (
            true,
            true,
            serde_json::json!({"team": "crm", "customer": "vip-7"}),
        ),
        (true, false, serde_json::json!({"team": "crm"})),
        (false, false, serde_json::json!({})),
    ];
    for (receiver, (sees_team, sees_customer, tags)) in receivers.iter().zip(expected) {
        let request = &receiver.wait_for(1).await[0];
        assert_eq!(request.json()["data"]["events"][0]["message"]["tags"], tags);
        // Its title was made for it, too.
        let whole = request.text();
        assert_eq!(whole.contains("crm"), sees_team, "{whole}");
        assert_eq!(whole.contains("vip-7"), sees_customer, "{whole}");
    }
    assert_eq!(process.terminate(), Some(0));
}
