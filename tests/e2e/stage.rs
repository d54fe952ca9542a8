//! The world around the binary: a simulated Routee, receivers, a mail relay, a configuration.

use std::path::{Path, PathBuf};

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use serde_json::Value;
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::smtp_server::SmtpServer;

use crate::ask;
use crate::process::Process;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Everything around the binary.
pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) webhook: Receiver,
    pub(crate) slack: Receiver,
    /// Whoever runs smswatch, in tests that tell them apart from those who watch messages.
    pub(crate) ops: Receiver,
    mail: Option<SmtpServer>,
    pub(crate) directory: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        let slack = Receiver::start().await;
        slack.answer_always(Answer::status(200).body("ok"));
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            webhook: Receiver::start().await,
            slack,
            ops: Receiver::start().await,
            mail: None,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// The same with a mail relay, which takes longer to start than all the rest.
    pub(crate) async fn with_mail() -> Self {
        let mail = Some(SmtpServer::start().await);
        Self {
            mail,
            ..Self::new().await
        }
    }

    pub(crate) fn mail(&self) -> &SmtpServer {
        self.mail.as_ref().expect("a stage with mail")
    }

    /// The URL of a SQLite store of its own.
    pub(crate) fn sqlite(&self) -> String {
        sqlite_in(self.directory.path())
    }

    /// Writes a configuration of this simulator and this store; `rest` is all else that it says.
    pub(crate) fn write(&self, store: &str, rest: &str) -> PathBuf {
        self.write_as("smswatch.yaml", store, rest)
    }

    /// The same in a file of this name.
    pub(crate) fn write_as(&self, name: &str, store: &str, rest: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let routee = routee(&self.sim, "requests_per_second: 1000");
        let text = format!(
            "{routee}\nstore: {{url: \"{store}\"}}\nhttp: {{listen: \"127.0.0.1:0\"}}\n{rest}\n"
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Writes a configuration that names every receiver.
    pub(crate) fn config(&self, store: &str) -> PathBuf {
        let mail = self.mail.is_some();
        let rules = format!(
            r#"
  - name: carrier-violation
    match: {{detailed_status: Carrier Violation}}
    severity: critical
    notify: [crm, ops-slack{mail}]
  - name: undelivered
    match: {{status: [Undelivered, Failed]}}
    notify: [crm]
"#,
            mail = if mail { ", oncall-mail" } else { "" },
        );
        self.config_with_rules(store, &rules)
    }

    /// The same with other rules.
    pub(crate) fn config_with_rules(&self, store: &str, rules: &str) -> PathBuf {
        let webhook = self.webhook.url("/hook");
        let slack = self.slack.url("/services/T/B/X");
        let mail = self.mail.as_ref().map(|mail| {
            let url = mail.url();
            format!(
                "  oncall-mail: {{type: email, smtp: \"{url}\", from: \"alerts@example.com\", to: [oncall@example.com]}}\n"
            )
        });
        let sinks = format!(
            r#"
  crm: {{type: webhook, url: "{webhook}", secret: {SECRET}, allow_private: true}}
  ops-slack: {{type: slack, webhook_url: "{slack}"}}
{mail}"#,
            mail = mail.unwrap_or_default(),
        );
        self.config_with_sinks(store, &sinks, rules)
    }

    /// The same with other sinks, too.
    pub(crate) fn config_with_sinks(&self, store: &str, sinks: &str, rules: &str) -> PathBuf {
        let watch = "watch: {schedule: [50ms], confirm_after: 200ms}";
        self.write(store, &format!("{watch}\nsinks:\n{sinks}\nrules:\n{rules}"))
    }

    /// Registers a message that meets its fate five times as fast as usual.
    pub(crate) fn message(&self, fate: Fate) -> String {
        self.register(MessageSpec {
            time_scale: 0.2,
            to: Some("+306900000001".to_owned()),
            ..fate.into()
        })
    }

    /// Registers a message that met its fate a minute ago.
    pub(crate) fn ended(&self, fate: Fate) -> String {
        self.register(MessageSpec {
            accepted_ms_ago: 60_000,
            ..fate.into()
        })
    }

    pub(crate) fn register(&self, spec: MessageSpec) -> String {
        self.sim.register(spec).expect("a message")
    }

    /// Has `n` messages watched that met their fate a minute ago.
    pub(crate) fn watch(&self, process: &Process, n: usize, fate: Fate) -> Vec<String> {
        let ids: Vec<String> = (0..n).map(|_| self.ended(fate)).collect();
        watch(process, &ids);
        ids
    }
}

/// Has messages watched that nobody has watched before.
pub(crate) fn watch(process: &Process, ids: &[String]) {
    let words = ["watch"].into_iter().chain(ids.iter().map(String::as_str));
    let watched = process.json(&words.collect::<Vec<_>>());
    assert_eq!(watched["accepted"], ids.len(), "{watched}");
}

/// A line of a configuration with a webhook; `more` are further options, each behind a comma.
pub(crate) fn webhook(name: &str, receiver: &Receiver, more: &str) -> String {
    let url = receiver.url("/hook");
    format!("  {name}: {{type: webhook, url: \"{url}\", allow_private: true{more}}}\n")
}

/// The section of a configuration that names a simulated Routee, with `more` keys.
pub(crate) fn routee(sim: &Sim, more: &str) -> String {
    let sim = sim.url();
    format!(
        "routee: {{application_id: sim-app, application_secret: sim-secret, api_url: \"{sim}\", auth_url: \"{sim}\", {more}}}"
    )
}

/// The URL of a SQLite store in a directory.
pub(crate) fn sqlite_in(directory: &Path) -> String {
    format!("sqlite:{}", directory.join("store.db").display())
}

/// Waits until every message is final and confirmed: nothing is polled any more.
pub(crate) async fn settled(process: &Process, ids: &[String]) {
    for id in ids {
        let is_settled =
            |watch: &Value| watch["state"] == "final" && watch["next_poll_at"].is_null();
        ask::watch_that(process, id, is_settled).await;
    }
}

/// A certificate or key of the tests. All are signed by `authority.pem`; `good.pem` is made out to
/// localhost and its addresses.
pub(crate) fn certificate_file(name: &str) -> PathBuf {
    let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/certificates");
    certificates.join(name)
}
