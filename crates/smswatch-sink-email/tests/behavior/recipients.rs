//! One mail to several recipients of whom some are refused: the others get it at once.

use serde_json::{Value, json};
use smswatch_plugin::model::Overrides;
use smswatch_plugin::sink::Retry;
use smswatch_testkit::sample;

use crate::script::{Limits, Script, ScriptedRelay};

const GONE: (&str, &str) = (
    "RCPT TO:<gone@",
    "550 5.1.1 <gone@example.com>: User unknown",
);
const BUSY: (&str, &str) = ("RCPT TO:<busy@", "451 4.7.1 greylisted");

fn to(names: &[&str]) -> Value {
    let addresses: Vec<String> = names
        .iter()
        .map(|name| format!("{name}@example.com"))
        .collect();
    json!({"to": addresses})
}

fn overrides(names: &[&str]) -> Overrides {
    to(names).as_object().cloned().expect("an object")
}

fn mails(relay: &ScriptedRelay) -> Vec<String> {
    let heard = relay.heard();
    heard
        .into_iter()
        .filter(|heard| heard.contains("Subject:"))
        .collect()
}

#[tokio::test]
async fn who_is_refused_for_good_is_left_out_and_told() {
    let relay = ScriptedRelay::start(vec![GONE]).await;
    let sink = relay.sink(to(&["oncall", "gone", "lead"]));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    assert_eq!(mails(&relay).len(), 1);
    let told = "for 2 of 3 recipients: 250 ok; refused for good: gone@example.com \
                (550 5.1.1 [address]: User unknown)";
    assert_eq!(receipt.detail(), told);
    let refused = receipt.refusals().expect("somebody is left out");
    assert!(refused.contains("gone@example.com (550 5.1.1"), "{refused}");
    assert_eq!(receipt.rest(), None);
}

#[tokio::test]
async fn who_is_refused_for_now_is_the_rest() {
    let relay = ScriptedRelay::start(vec![BUSY]).await;
    let sink = relay.sink(json!({
        "to": ["oncall@example.com", "busy@example.com"], "cc": ["busy2@example.com"],
    }));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    assert_eq!(receipt.rest(), Some(&overrides(&["busy"])));
    assert_eq!(receipt.refusals(), None);
    assert!(
        receipt
            .detail()
            .contains("tried again later: busy@example.com (451 4.7.1")
    );

    // The delivery to the rest asks for nobody else.
    let mut again = sample::notification();
    again.overrides = overrides(&["busy"]);
    let error = sink.deliver(&again).await.expect_err("still busy");
    assert_eq!(error.retry(), Retry::Later);
    let asked: Vec<String> = relay.asked_for();
    let expected = ["oncall", "busy", "busy2", "busy"].map(|name| format!("{name}@example.com"));
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn copies_are_recipients_like_any_other() {
    let relay = ScriptedRelay::start(vec![GONE, BUSY]).await;
    let sink = relay.sink(json!({
        "to": ["gone@example.com", "a@example.com"],
        "cc": ["busy@example.com", "c@example.com", "c@example.com"],
    }));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    assert!(
        receipt.detail().starts_with("for 2 of 4 recipients"),
        "{}",
        receipt.detail()
    );
    assert_eq!(receipt.rest(), Some(&overrides(&["busy"])));
    assert!(receipt.refusals().is_some());
}

#[tokio::test]
async fn copies_alone_are_no_delivery_when_everybody_else_is_refused_for_good() {
    let relay = ScriptedRelay::start(vec![GONE, BUSY]).await;
    for cc in [
        &["c@example.com"][..],
        &["c@example.com", "busy@example.com"],
    ] {
        let sink = relay.sink(json!({"to": ["gone@example.com"], "cc": cc}));
        let error = sink.deliver(&sample::notification()).await;
        let error = error.expect_err("nobody who is to act on it has it");
        assert_eq!(error.retry(), Retry::Never, "{}", error.detail());
        let told = "the recipient is refused for good, and only copies were sent: gone@example.com (550 5.1.1";
        assert!(error.detail().starts_with(told), "{}", error.detail());
    }
    assert_eq!(mails(&relay).len(), 2, "those who take it have it");

    // Who is refused for now gets it later, without another copy.
    let sink = relay.sink(json!({
        "to": ["gone@example.com", "busy@example.com"], "cc": ["c@example.com"],
    }));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    assert_eq!(receipt.rest(), Some(&overrides(&["busy"])));
}

#[tokio::test]
async fn nobody_reached_is_for_good_only_if_all_are_refused_for_good() {
    let relay = ScriptedRelay::start(vec![GONE, BUSY]).await;
    for (names, retry) in [
        (&["gone"][..], Retry::Never),
        (&["gone", "gone"], Retry::Never),
        (&["busy"], Retry::Later),
        (&["gone", "busy"], Retry::Later),
    ] {
        let error = relay.sink(to(names)).deliver(&sample::notification()).await;
        let error = error.expect_err("nobody is reached");
        assert_eq!(error.retry(), retry, "{names:?}: {}", error.detail());
    }
}

#[tokio::test]
async fn more_recipients_than_the_relay_takes_at_once_get_several_mails() {
    let relay = ScriptedRelay::start_with(Limits {
        recipients: 2,
        ..Limits::default()
    })
    .await;
    let sink = relay.sink(to(&["a", "b", "c", "d", "e"]));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    assert_eq!(receipt.detail(), "for all 5 recipients: 250 ok");
    assert_eq!(receipt.rest(), None);
    assert_eq!(mails(&relay).len(), 3);
}

#[tokio::test]
async fn a_relay_that_names_a_recipient_only_at_the_end_holds_up_nobody_else() {
    let script: Script = vec![(".", "550 5.1.1 <gone@example.com> unknown")];
    let relay = ScriptedRelay::start(script).await;
    let error = relay
        .sink(to(&["gone", "b"]))
        .deliver(&sample::notification())
        .await
        .expect_err("nobody is reached");
    // Each was tried alone.
    assert_eq!(mails(&relay).len(), 3);
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn a_mailbox_that_takes_no_mail_of_this_size_holds_up_nobody_else() {
    // The same server says so of a mail to three, then to the first one alone; it takes those to the others.
    let limits = Limits {
        refused_mails: 2,
        ..Limits::default()
    };
    let relay = ScriptedRelay::start_limited(Vec::new(), limits).await;
    let sink = relay.sink(to(&["small", "b", "c"]));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    let told = receipt.detail();
    assert!(told.starts_with("for 2 of 3 recipients"), "{told}");
    let refused = receipt.refusals().expect("somebody is left out");
    assert!(
        refused.contains("small@example.com (552 5.2.3"),
        "{refused}"
    );
    assert_eq!(receipt.rest(), None);
}

#[tokio::test]
async fn what_is_wrong_with_the_mail_is_wrong_for_all() {
    let relay = ScriptedRelay::start(vec![(".", "554 5.6.0 not this one"), BUSY]).await;
    let sink = relay.sink(to(&["a", "busy"]));
    let error = sink
        .deliver(&sample::notification())
        .await
        .expect_err("refused");
    assert_eq!(error.retry(), Retry::Never, "{}", error.detail());
}

#[tokio::test]
async fn a_connection_that_ends_after_some_got_the_mail_leaves_the_others_for_later() {
    let script: Script = vec![
        ("RCPT TO:<c@", "452 4.5.3 too many recipients"),
        ("RSET", "421 4.3.2 shutting down"),
    ];
    let relay = ScriptedRelay::start(script).await;
    let sink = relay.sink(to(&["a", "b", "c"]));
    let receipt = sink
        .deliver(&sample::notification())
        .await
        .expect("two got it");
    assert_eq!(receipt.rest(), Some(&overrides(&["c"])));
    assert!(receipt.detail().starts_with("for 2 of 3 recipients"));
}

#[tokio::test]
async fn one_recipient_over_whom_the_relay_ends_the_conversation_keeps_nobody_from_the_mail() {
    for ending in ["421 4.7.0 try again later", "hang up", "silence", "what?"] {
        let relay = ScriptedRelay::start(vec![("RCPT TO:<odd@", ending)]).await;
        let sink = relay.sink(to(&["oncall", "odd", "lead"]));
        let receipt = sink.deliver(&sample::notification()).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("{ending}: {}", error.detail()));
        assert_eq!(mails(&relay).len(), 1, "{ending}");
        assert_eq!(receipt.rest(), Some(&overrides(&["odd"])), "{ending}");
        let told = receipt.detail();
        assert!(
            told.starts_with("for 2 of 3 recipients: 250 ok; tried again later: odd@"),
            "{told}"
        );
        assert_eq!(relay.asked_for().len(), 4, "{ending}");
    }
}

#[tokio::test]
async fn a_relay_that_ends_the_conversation_over_everybody_is_soon_left_in_peace() {
    let relay = ScriptedRelay::start(vec![("RCPT", "hang up")]).await;
    let sink = relay.sink(to(&["a", "b", "c", "d", "e", "f", "g"]));
    let error = sink.deliver(&sample::notification()).await;
    let error = error.expect_err("nobody is reached");
    assert_eq!(error.retry(), Retry::Later);
    assert!(
        error.detail().contains("closed the connection"),
        "{}",
        error.detail()
    );
    assert_eq!(relay.asked_for().len(), 4);
}

#[tokio::test]
async fn what_a_rule_names_and_is_no_address_keeps_nobody_from_the_mail() {
    let relay = ScriptedRelay::start(Vec::new()).await;
    let sink = relay.sink(Value::Null);
    let mut notification = sample::notification();
    notification.overrides =
        Overrides::from_iter([("to".to_owned(), json!(["b; c", "d@example.com"]))]);
    let receipt = sink.deliver(&notification).await.expect("taken");
    assert_eq!(relay.asked_for(), ["d@example.com"]);
    assert!(
        receipt
            .refusals()
            .is_some_and(|refused| refused.contains("no address"))
    );
    notification.overrides = Overrides::from_iter([("to".to_owned(), json!(["b; c"]))]);
    let error = sink
        .deliver(&notification)
        .await
        .expect_err("nobody is left");
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn an_address_that_the_relay_cannot_read_keeps_nobody_from_the_mail() {
    let relay = ScriptedRelay::start(vec![("EHLO", "250 relay.test")]).await;
    let sink = relay.sink(json!({"to": ["jörg@example.com", "b@example.com"]}));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    assert_eq!(relay.asked_for(), ["b@example.com"]);
    assert!(
        receipt.detail().contains("no SMTPUTF8"),
        "{}",
        receipt.detail()
    );
    assert!(receipt.rest().is_some());
    let mail = mails(&relay).remove(0);
    assert!(!mail.contains("rg@example.com"), "{mail}");
}

#[tokio::test]
async fn a_telephone_number_in_an_address_is_not_told() {
    let script: Script = vec![("RCPT TO:<3069", "550 5.1.1 unknown")];
    let relay = ScriptedRelay::start(script).await;
    let sink = relay.sink(json!({"to": ["306900000001@sms.example.com", "b@example.com"]}));
    let receipt = sink.deliver(&sample::notification()).await.expect("taken");
    let told = format!("{} {:?}", receipt.detail(), receipt.refusals());
    assert!(told.contains("30********01@sms.example.com"), "{told}");
    assert!(!told.contains("306900000001"), "{told}");
}
