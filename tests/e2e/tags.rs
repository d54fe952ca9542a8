//! A sink sees only the tags that it may see, whatever the rule matches.

use routee_sim::{Fate, MessageSpec};
use smswatch_testkit::receiver::Receiver;

use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

const RULES: &str = "
rules:
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
    let path = stage.config(&sqlite_in(stage.directory.path()));
    let text = std::fs::read_to_string(&path).expect("a file");
    let (head, _) = text.split_once("sinks:").expect("sinks");
    let options = [
        ("all", ""),
        ("team", ", privacy: {tags: [team]}"),
        ("none", ", privacy: {tags: []}"),
    ];
    let sinks = options
        .iter()
        .zip(&receivers)
        .map(|((name, more), receiver)| {
            let url = receiver.url("/hook");
            format!("  {name}: {{type: webhook, url: \"{url}\", allow_private: true{more}}}\n")
        });
    let sinks: String = sinks.collect();
    std::fs::write(&path, format!("{head}sinks:\n{sinks}{RULES}")).expect("a file");
    let process = Process::start(&path);
    let spec = MessageSpec {
        fate: Some(Fate::Undelivered),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
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
