//! An on-call list of which some mailboxes take no mail: the others get the alert at once.

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::smtp_server::Stage as Step;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

/// Waits until `condition` holds of the mail sink's deliveries.
async fn deliveries_when(process: &Process, condition: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut found = Vec::new();
    until("the deliveries come so far", async || {
        let (_, list) = ask::json(process, "/v1/deliveries?sink=oncall-mail").await;
        found = list["items"].as_array().cloned().unwrap_or_default();
        condition(&found)
    })
    .await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_mail_keeps_nobody_else_from_the_alert() {
    let stage = Stage::with_mail().await;
    let gone = Step::RcptOf("gone@example.com".to_owned());
    let busy = Step::RcptOf("busy@example.com".to_owned());
    stage.mail().reply_at(&gone, "550 5.1.1 no such user");
    stage.mail().reply_at(&busy, "451 4.7.1 greylisted");
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = text.replace(
        "to: [oncall@example.com]",
        "to: [oncall@example.com, gone@example.com, busy@example.com], \
         retry: {schedule: [100ms], give_up_after: 1h}, breaker: {failures: 1000}",
    );
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    let id = stage.message(Fate::CarrierViolation);
    process.json(&["watch", &id]);

    let mail = stage.mail().wait_for(1).await.remove(0);
    assert_eq!(mail.envelope_to, ["oncall@example.com"]);
    let items = deliveries_when(&process, |items| items.len() == 2).await;
    let first = items.iter().find(|item| item["state"] == "delivered");
    let first = first.expect("the first one is delivered");
    let detail = first["attempts"][0]["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("for 1 of 3 recipients"), "{detail}");
    assert!(detail.contains("gone@example.com (550 5.1.1"), "{detail}");
    assert!(detail.contains("busy@example.com (451 4.7.1"), "{detail}");

    until("the trouble of its recipients is told", async || {
        let status = process.json(&["status"]);
        let part = &status["parts"]["sink:oncall-mail"];
        let trouble = part["trouble"].as_str().unwrap_or_default();
        part["ok"] == false && trouble.contains("gone@example.com")
    })
    .await;

    stage.mail().accept();
    stage.mail().reply_at(&gone, "550 5.1.1 no such user");
    let mail = stage.mail().wait_for(2).await.remove(1);
    assert_eq!(mail.envelope_to, ["busy@example.com"]);
    deliveries_when(&process, |items| {
        items.iter().all(|item| item["state"] == "delivered")
    })
    .await;
    assert_eq!(stage.mail().mails().len(), 2);
    assert_eq!(process.terminate(), Some(0));
}
