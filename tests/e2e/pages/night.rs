//! A staged night: an operator fails, and a receiver refuses what it is told.

use routee_sim::{Fate, MessageSpec};
use smswatch_testkit::receiver::Answer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::Stage;

pub(crate) const TOKEN: &str = "night-shift-token";

const READER: &str = "reader-token";

const RULES: &str = "
  - name: failing-by-operator
    event: rate
    count: {status: [Undelivered, Failed]}
    among: {final: true}
    by: [operator]
    over: 15m
    above: 40%
    clear_below: 10%
    at_least: 10
    severity: critical
    notify: [ops-slack]
  - name: undelivered
    match: {status: [Undelivered, Failed]}
    notify: [crm]
";

/// What goes on that night.
pub(crate) struct Night {
    pub(crate) stage: Stage,
    pub(crate) process: Process,
    /// A message that was not delivered.
    pub(crate) failed: String,
}

impl Night {
    pub(crate) async fn fall() -> Self {
        let stage = Stage::new().await;
        stage.webhook.answer_always(Answer::status(400));
        let config = stage.config_with_rules(&stage.sqlite(), RULES);
        let text = std::fs::read_to_string(&config).expect("a file");
        let tokens = format!(
            "tokens: [{{name: ann, token: {TOKEN}, scope: write}}, {{name: reader, token: {READER}, scope: read}}]"
        );
        let text = text.replace(
            r#"http: {listen: "127.0.0.1:0"}"#,
            &format!("http:\n  listen: \"127.0.0.1:0\"\n  {tokens}"),
        );
        std::fs::write(&config, text).expect("a file");
        let process = Process::start(&config).with_token(TOKEN);
        let night = Self {
            stage,
            process,
            failed: String::new(),
        };
        let failing = night.send(14, Fate::CarrierViolation, "Example Mobile");
        night.send(20, Fate::Delivered, "Other Mobile");
        let night = Self {
            failed: failing[0].clone(),
            ..night
        };
        until("the alert fires", async || {
            let (_, alerts) = ask::json(&night.process, "/v1/alerts").await;
            alerts["items"][0]["alert"]["count"] == 14
        })
        .await;
        until("there are dead letters", async || night.dead().await > 0).await;
        night
    }

    /// Sends messages that meet a fate, and has them watched.
    pub(crate) fn send(&self, count: usize, fate: Fate, operator: &str) -> Vec<String> {
        let message = || {
            let spec = MessageSpec {
                to: Some("+306900000001".to_owned()),
                operator: Some(operator.to_owned()),
                label: Some("spring <b>sale</b>".to_owned()),
                accepted_ms_ago: 60_000,
                ..fate.into()
            };
            self.stage.sim.register(spec).expect("a message")
        };
        let ids: Vec<String> = (0..count).map(|_| message()).collect();
        let arguments = ["watch", "--tag", "team=crm"].into_iter();
        let arguments: Vec<&str> = arguments.chain(ids.iter().map(String::as_str)).collect();
        self.process.json(&arguments);
        ids
    }

    /// How many dead letters there are.
    pub(crate) async fn dead(&self) -> usize {
        let (_, page) = ask::json(&self.process, "/v1/deliveries?state=dead").await;
        page["items"].as_array().map_or(0, Vec::len)
    }

    /// The address of a page.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.process.url)
    }
}
