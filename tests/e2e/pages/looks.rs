//! What the pages show of a running process, asked as a browser asks, without one.

use reqwest::header::{self, HeaderMap};
use routee_sim::{Fate, MessageSpec};
use smswatch_api::client::Client;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::Stage;

/// Registers messages that meet a fate, each with its label.
fn send(stage: &Stage, process: &Process, fate: Fate, labels: &[String]) -> Vec<String> {
    let message = |label: &String| {
        let spec = MessageSpec {
            to: Some("+306900000001".to_owned()),
            operator: Some("Example Mobile".to_owned()),
            label: Some(label.clone()),
            accepted_ms_ago: 60_000,
            ..fate.into()
        };
        stage.sim.register(spec).expect("a message")
    };
    let ids: Vec<String> = labels.iter().map(message).collect();
    let arguments: Vec<&str> = ids.iter().map(String::as_str).collect();
    for some in arguments.chunks(100) {
        process.json(&[&["watch"], some].concat());
    }
    ids
}

/// A page as a browser gets it.
async fn page(process: &Process, path: &str) -> (HeaderMap, String) {
    let request = reqwest::Client::new().get(format!("{}{path}", process.url));
    let answer = request.header(header::ACCEPT, "text/html").send().await;
    let answer = answer.expect("the process answers");
    let headers = answer.headers().clone();
    (headers, answer.text().await.expect("a body"))
}

async fn says(process: &Process, path: &str, texts: &[&str]) {
    until(&format!("{path} says {texts:?}"), async || {
        let (_, page) = page(process, path).await;
        texts.iter().all(|text| page.contains(text))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stuck_and_what_is_about_to_be_told_stands_on_the_first_page_and_is_found() {
    let stage = Stage::with_mail().await;
    let rules = "
  - {name: slow, event: stuck, after: 1s, notify: [crm]}
  - {name: gathered, match: {status: [Undelivered]}, group: {by: [operator], wait: 1h, interval: 2h}, notify: [oncall-mail]}
";
    let process = Process::start(&stage.config_with_rules(&stage.sqlite(), rules));
    let stuck = send(&stage, &process, Fate::Stuck, &["slow-one".to_owned()]);
    let failed = send(
        &stage,
        &process,
        Fate::Undelivered,
        &["failed-one".to_owned()],
    );
    let (stuck, failed) = (stuck[0].as_str(), failed[0].as_str());
    let now = [
        "1 message has no final status",
        stuck,
        "1 group waits to be sent",
        "gathered",
        "Example Mobile",
        "polls start ",
    ];
    says(&process, "/", &now).await;
    the_api_tells_the_same(&process, stuck).await;
    says(&process, "/messages?outcome=stuck", &[stuck, "to its end"]).await;
    says(&process, "/messages?outcome=failed", &[failed]).await;
    let (_, found) = page(&process, "/messages?since=1h&until=0s&label=failed").await;
    assert!(found.contains(failed) && !found.contains(stuck), "{found}");
    let (_, before) = page(&process, "/messages?until=1h").await;
    assert!(
        before.contains("all history was looked through") && !before.contains(failed),
        "{before}"
    );
    let (_, wrong) = page(&process, "/messages?since=yesterday").await;
    assert!(wrong.contains("`since`: expected an instant"), "{wrong}");

    // Each event of the story leads to what the rules make of it.
    let (_, story) = page(&process, &format!("/messages/{failed}")).await;
    let (_, rest) = story.split_once("href=\"/rules?").expect("a link");
    let (picked, _) = rest.split_once('"').expect("an end");
    let picked = format!(
        "/rules?{}",
        picked.replace("&amp;", "&").replace("#try", "")
    );
    says(&process, &picked, &["gathered", "</strong></span> fires"]).await;
    let (_, rules) = page(&process, "/rules").await;
    assert!(rules.contains("Pick one of the latest"), "{rules}");
    let (_, row) = rules.split_once("gathered").expect("a row");
    assert!(
        row.contains("data-label=\"Fired in 24 h\">1</td>"),
        "it fired once: {row}"
    );

    // How an alert looks, before anybody is told; a mail, in a frame in which nothing runs.
    says(
        &process,
        "/sinks/crm/preview",
        &["Body", "&quot;title&quot;"],
    )
    .await;
    says(&process, "/sinks/ops-slack/preview", &["Headline"]).await;
    let (_, mail) = page(&process, "/sinks/oncall-mail/preview").await;
    assert!(mail.contains("sandbox=\"\""), "{mail}");
    let (headers, html) = page(&process, "/sinks/oncall-mail/preview.html").await;
    let policy = headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("a text");
    assert!(
        policy.ends_with("sandbox") && html.contains("<html"),
        "{policy}: {html}"
    );
    let (_, none) = page(&process, "/sinks/nobody/preview").await;
    assert!(none.contains("no sink is named nobody"), "{none}");
    assert_eq!(process.terminate(), Some(0));
}

/// What stands on the first page and on that of the rules, for programs.
async fn the_api_tells_the_same(process: &Process, stuck: &str) {
    let client = Client::new(&process.url).expect("an address");
    let told = client.stuck().await.expect("stuck messages");
    let ids = told
        .items
        .iter()
        .map(|event| event.message.message_id.as_deref());
    assert_eq!(ids.collect::<Vec<_>>(), [Some(stuck)]);
    assert!(!told.more);
    let groups = client.groups().await.expect("groups");
    let [group] = &*groups.items else {
        panic!("one group waits: {groups:?}")
    };
    assert_eq!((&*group.rule, &*group.sink), ("gathered", "oncall-mail"));
    assert_eq!(
        (&*group.group["operator"], group.events),
        ("Example Mobile", 1)
    );
    assert!(
        group
            .since
            .is_some_and(|since| since < group.next_notification_at)
    );
    let rules = client.rules().await.expect("rules");
    let told = rules.items.iter();
    let told: Vec<_> = told
        .map(|rule| {
            (
                &*rule.rule,
                rule.fired_24h,
                rule.fired_7d,
                rule.last_fired_at.is_some(),
            )
        })
        .collect();
    assert_eq!(told, [("slow", 1, 1, true), ("gathered", 1, 1, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_alerts_that_fire_are_listed_however_many_were_told_since() {
    const ALERTS: usize = 230;
    let stage = Stage::new().await;
    let rules = "
  - {name: by-label, event: rate, count: {status: Undelivered}, among: {final: true}, by: [label], over: 1h, above: 40%, clear_below: 10%, at_least: 1, notify: [ops-slack]}
";
    let process = Process::start(&stage.config_with_rules(&stage.sqlite(), rules));
    let labels: Vec<String> = (0..ALERTS).map(|n| format!("label-{n}")).collect();
    send(&stage, &process, Fate::Undelivered, &labels);
    until("all of them fire", async || {
        let (_, alerts) = ask::json(&process, "/v1/alerts").await;
        alerts["items"].as_array().map(Vec::len) == Some(ALERTS)
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}
