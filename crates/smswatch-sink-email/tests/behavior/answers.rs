//! What each answer means at each step of a mail, as the table in the README says.

use serde_json::json;
use smswatch_plugin::sink::Retry;
use smswatch_testkit::sample;

use crate::script::{Script, ScriptedRelay};

/// Every one of these answers at `step` means `retry`, and is told with its code.
async fn check(step: &'static str, answers: &[&'static str], retry: Retry) {
    for answer in answers {
        let script: Script = vec![
            (step, answer),
            ("EHLO", "250-relay.test\r\n250-STARTTLS\r\n250 AUTH PLAIN"),
        ];
        let relay = ScriptedRelay::start(script).await;
        let tls = if step == "STARTTLS" {
            "?tls=required"
        } else {
            ""
        };
        let smtp = format!("smtp://user:password@127.0.0.1:{}{tls}", relay.port);
        let sink = relay.sink(json!({"smtp": smtp}));
        let error = sink.deliver(&sample::notification()).await;
        let error = error.expect_err(answer);
        let detail = error.detail();
        assert_eq!(error.retry(), retry, "{step}: {answer}: {detail}");
        assert!(detail.contains(&answer[..3]), "{step}: {answer}: {detail}");
    }
}

#[tokio::test]
async fn a_greeting_that_turns_smswatch_away_is_for_an_operator_to_mend() {
    let answers = [
        "421 4.3.2 shutting down",
        "521 5.3.2 no mail here",
        "554 5.7.1 Client host blocked",
        "554 no",
        "550 go away",
    ];
    check("connect", &answers, Retry::Later).await;
}

#[tokio::test]
async fn a_refused_introduction_is_for_an_operator_to_mend() {
    let answers = [
        "501 5.5.4 invalid domain name",
        "504 5.5.2 need fully-qualified hostname",
        "550 5.7.1 HELO rejected",
        "421 4.7.0 try again later",
    ];
    check("EHLO", &answers, Retry::Later).await;
}

#[tokio::test]
async fn refused_encryption_is_for_an_operator_to_mend() {
    let answers = [
        "454 4.7.0 TLS not available",
        "501 5.5.4 what?",
        "502 5.5.1 no",
    ];
    check("STARTTLS", &answers, Retry::Later).await;
}

#[tokio::test]
async fn a_refused_login_is_for_an_operator_to_mend() {
    let answers = [
        "454 4.7.0 temporary failure",
        "504 5.5.4 mechanism",
        "530 5.7.0 Must issue a STARTTLS command first",
        "534 5.7.9 too weak",
        "535 5.7.8 wrong user or password",
        "538 5.7.11 encryption needed",
        "550 5.7.1 disabled",
    ];
    check("AUTH", &answers, Retry::Later).await;
}

#[tokio::test]
async fn a_refused_sender_is_for_an_operator_to_mend() {
    let answers = [
        "421 4.3.2 shutting down",
        "450 4.7.1 slow down",
        "452 4.3.1 no room",
        "501 5.1.7 bad sender",
        "503 5.5.1 EHLO first",
        "530 5.7.0 authentication required",
        "550 5.7.60 not permitted to send as this sender",
        "550 no",
        "552 5.2.2 quota",
        "553 5.7.1 sender address rejected",
        "554 5.7.1 access denied",
        "555 5.5.4 unsupported parameter",
    ];
    check("MAIL", &answers, Retry::Later).await;
}

#[tokio::test]
async fn a_recipient_is_refused_for_good_only_where_it_is_to_blame() {
    let never = [
        "550 5.1.1 User unknown",
        "550 5.1.2 no such domain",
        "550 5.2.1 disabled",
        "553 5.1.3 bad address",
        "550 No such user",
        "551 not local",
        "556 5.1.10 takes no mail",
    ];
    check("RCPT", &never, Retry::Never).await;
    let later = [
        "421 4.7.0 too many errors",
        "450 4.2.0 greylisted",
        "451 4.3.0 busy",
        "452 4.5.3 too many recipients",
        "504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
        "550 5.7.1 Relaying denied",
        "550 5.7.23 SPF",
        "550 5.1.8 Sender address rejected: Domain not found",
        "550 relay not permitted",
        "552 5.2.2 mailbox full",
        "554 5.7.1 Relay access denied",
        "554 no",
    ];
    check("RCPT", &later, Retry::Later).await;
}

#[tokio::test]
async fn a_refusal_of_data_says_nothing_about_the_mail() {
    let answers = [
        "421 4.3.2 shutting down",
        "451 4.3.0 later",
        "503 5.5.1 no valid recipients",
        "550 5.7.1 policy",
        "554 5.5.1 no valid recipients",
        "554 no",
    ];
    check("DATA", &answers, Retry::Later).await;
}

#[tokio::test]
async fn a_mail_is_refused_for_good_only_where_it_is_to_blame() {
    let never = [
        "554 5.6.0 not this one",
        "552 5.3.4 too big",
        "552 5.2.3 too long",
        "550 5.1.1 no such user",
        "550 5.2.1 disabled",
    ];
    check(".", &never, Retry::Never).await;
    let later = [
        "421 4.3.2 shutting down",
        "451 4.7.1 greylisted",
        "452 4.3.1 no room",
        "550 5.7.1 refused by policy",
        "550 5.7.26 DMARC",
        "550 no",
        "552 5.2.2 mailbox full",
        "552 no room",
        "554 5.7.1 spam",
        "554 transaction failed",
    ];
    check(".", &later, Retry::Later).await;
}
