//! The world around the binary: a simulated Routee, receivers, a mail relay, a configuration.

use std::path::Path;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use serde_json::Value;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::smtp_server::SmtpServer;

use crate::ask;
use crate::process::Process;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Everything around the binary.
pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) webhook: Receiver,
    pub(crate) slack: Receiver,
    pub(crate) mail: SmtpServer,
    pub(crate) directory: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            webhook: Receiver::start().await,
            slack: Receiver::start().await,
            mail: SmtpServer::start().await,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// Registers a message that meets its fate five times as fast as usual.
    pub(crate) fn message(&self, fate: Fate) -> String {
        let to = Some("+306900000001".to_owned());
        let fate = Some(fate);
        let spec = MessageSpec {
            fate,
            time_scale: 0.2,
            to,
            ..MessageSpec::default()
        };
        self.sim.register(spec).expect("a message")
    }

    /// Writes a configuration that names every receiver.
    pub(crate) fn config(&self, store: &str) -> std::path::PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
{routee}
store: {{url: "{store}"}}
watch: {{schedule: [50ms], confirm_after: 200ms}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{webhook}", secret: {SECRET}, allow_private: true}}
  ops-slack: {{type: slack, webhook_url: "{slack}"}}
  oncall-mail: {{type: email, smtp: "{mail}", from: "alerts@example.com", to: [oncall@example.com]}}
rules:
  - name: carrier-violation
    match: {{detailed_status: Carrier Violation}}
    severity: critical
    notify: [crm, ops-slack, oncall-mail]
  - name: undelivered
    match: {{status: [Undelivered, Failed]}}
    notify: [crm]
"#,
            routee = routee(&self.sim, "requests_per_second: 1000"),
            webhook = self.webhook.url("/hook"),
            slack = self.slack.url("/services/T/B/X"),
            mail = self.mail.url(),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }
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
pub(crate) fn certificate_file(name: &str) -> std::path::PathBuf {
    let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/certificates");
    certificates.join(name)
}
