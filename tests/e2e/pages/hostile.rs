//! A night on which everybody who can say something says what does harm: scripts, marks that turn the direction of
//! writing, very long words, and ids as long as they may be.

use std::path::PathBuf;

use routee_sim::{Fate, MessageSpec};
use smswatch_testkit::receiver::Answer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, webhook};

/// What others say: it must neither run nor turn, nor push anything aside.
fn said(length: usize) -> String {
    let begin = "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">\u{202e}\u{200f}abc";
    let word = "Wwwwwwwwww".repeat(length / 10);
    let text = format!("{begin} {word}");
    text.chars().take(length).collect()
}

/// An id that is as long as an id may be, and that no browser breaks by itself.
fn long_id(n: usize) -> String {
    format!("{}{n:04}", "W".repeat(196))
}

const RULES: &str = r#"
  - {name: NAME-rate, event: rate, count: {status: [Undelivered, Failed]}, among: {final: true}, by: [operator, label], over: 15m, above: 40%, clear_below: 10%, at_least: 2, severity: critical, notify: [SINK]}
  - {name: NAME-each, match: {status: [Undelivered, Failed]}, notify: [SINK, crm]}
  - {name: NAME-slow, event: stuck, after: 1s, notify: [oncall-mail]}
  - {name: NAME-grouped, match: {status: Undelivered}, group: {by: [operator, label], wait: 1h, interval: 2h}, notify: [oncall-mail]}
"#;

/// What goes on.
pub(crate) struct Hostile {
    _stage: Stage,
    pub(crate) process: Process,
    /// A message that was not delivered.
    pub(crate) failed: String,
    /// The name of a sink.
    pub(crate) sink: String,
}

impl Hostile {
    pub(crate) async fn begin() -> Self {
        let stage = Stage::with_mail().await;
        stage.webhook.answer_always(Answer::status(400));
        let sink = "s".repeat(60);
        let process = Process::start(&config(&stage, &sink));
        let failed = long_id(1);
        let fates = [
            Fate::CarrierViolation,
            Fate::Undelivered,
            Fate::Undelivered,
            Fate::Delivered,
            Fate::Stuck,
        ];
        let ids: Vec<String> = (1..).map(long_id).take(fates.len()).collect();
        for (id, fate) in ids.iter().zip(fates) {
            let spec = MessageSpec {
                id: Some(id.clone()),
                to: Some("+306900000001".to_owned()),
                from: said(300),
                country: said(200),
                operator: Some(said(2_000)),
                label: Some(said(10_000)),
                campaign_name: Some(said(2_000)),
                groups: vec![said(1_000)],
                application_name: said(1_000),
                accepted_ms_ago: 60_000,
                ..fate.into()
            };
            stage.sim.register(spec).expect("a message");
        }
        let tag = format!("{}={}", said(200).replace('=', "-"), said(200));
        let arguments = ["watch", "--tag", &tag].into_iter();
        let arguments: Vec<&str> = arguments.chain(ids.iter().map(String::as_str)).collect();
        process.json(&arguments);
        let comment = said(1_000);
        let (matching, author) = (format!("label={}", "W".repeat(500)), said(100));
        let silence = ["silence", "add", "--match", &matching, "--for", "2h"];
        let silence = [&silence[..], &["--comment", &comment, "--author", &author]].concat();
        let made = process.ask(&silence);
        assert!(made.status.success(), "{made:?}");
        let night = Self {
            _stage: stage,
            process,
            failed,
            sink,
        };
        for path in ["/v1/alerts", "/v1/stuck", "/v1/groups"] {
            until(&format!("{path} has something"), async || {
                let (_, list) = ask::json(&night.process, path).await;
                list["items"]
                    .as_array()
                    .is_some_and(|items| !items.is_empty())
            })
            .await;
        }
        until("there are dead letters", async || {
            let (_, list) = ask::json(&night.process, "/v1/deliveries?state=dead").await;
            list["items"]
                .as_array()
                .is_some_and(|items| !items.is_empty())
        })
        .await;
        night
    }

    /// The address of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.process.url)
    }
}

fn config(stage: &Stage, sink: &str) -> PathBuf {
    let rules = RULES.replace("NAME", &"r".repeat(60)).replace("SINK", sink);
    let path = stage.config_with_rules(&stage.sqlite(), &rules);
    let text = std::fs::read_to_string(&path).expect("a file");
    let one = webhook(sink, &stage.webhook, "");
    std::fs::write(&path, text.replace("sinks:\n", &format!("sinks:\n{one}"))).expect("a file");
    path
}
