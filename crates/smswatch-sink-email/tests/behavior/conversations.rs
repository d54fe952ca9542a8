//! Mails that follow one another share a conversation, and none is lost when the relay ends it.

use std::time::Duration;

use serde_json::json;
use smswatch_plugin::sink::Retry;
use smswatch_testkit::PATIENCE;
use smswatch_testkit::sample;

use crate::script::{Limits, ScriptedRelay};

/// How many of `words` the relay heard.
fn count(relay: &ScriptedRelay, words: &str) -> usize {
    let heard = relay.heard();
    heard.iter().filter(|line| line.starts_with(words)).count()
}

/// Waits until the relay heard `words` for the `n`th time.
async fn heard(relay: &ScriptedRelay, words: &str, n: usize) {
    let waiting = async {
        while count(relay, words) < n {
            tokio::task::yield_now().await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(
        came.is_ok(),
        "waited in vain for {words}: {:?}",
        relay.heard()
    );
}

/// How many mails the relay got.
fn mails(relay: &ScriptedRelay) -> usize {
    let heard = relay.heard();
    heard
        .iter()
        .filter(|text| text.contains("Subject:"))
        .count()
}

/// A relay that takes three mails in one conversation, and answers this to the next one.
fn three_mails(beyond: &'static str) -> Limits {
    Limits {
        mails: 3,
        beyond,
        ..Limits::default()
    }
}

/// Lets this time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn mails_that_follow_one_another_share_a_conversation() {
    let relay = ScriptedRelay::start(Vec::new()).await;
    let sink = relay.sink(json!({}));
    for n in 0..20 {
        let sent = sink.deliver(&sample::numbered(n)).await;
        sent.expect("it is taken");
    }
    assert_eq!((count(&relay, "EHLO"), count(&relay, "MAIL")), (1, 20));
    assert_eq!(
        count(&relay, "RSET"),
        0,
        "a mail that was taken leaves nothing behind"
    );
}

#[tokio::test]
async fn mails_at_once_have_a_conversation_each_and_share_them_later() {
    let relay = ScriptedRelay::start(Vec::new()).await;
    let sink = relay.sink(json!({}));
    for _ in 0..3 {
        let notifications = [1, 2, 3, 4].map(sample::numbered);
        let sent = notifications.iter().map(|one| sink.deliver(one));
        for sent in futures::future::join_all(sent).await {
            sent.expect("it is taken");
        }
    }
    assert_eq!((count(&relay, "EHLO"), count(&relay, "MAIL")), (4, 12));
}

#[tokio::test]
async fn a_conversation_that_the_relay_ended_is_begun_anew_at_once() {
    for beyond in ["421 4.7.0 that is enough", "451 4.3.0 too many", "hang up"] {
        let relay = ScriptedRelay::start_with(three_mails(beyond)).await;
        let sink = relay.sink(json!({}));
        for n in 0..5 {
            let sent = sink.deliver(&sample::numbered(n)).await;
            sent.unwrap_or_else(|error| panic!("{beyond}: {}", error.detail()));
        }
        assert_eq!((count(&relay, "EHLO"), mails(&relay)), (2, 5), "{beyond}");
    }
}

#[tokio::test]
async fn a_relay_that_went_silent_is_not_waited_for_until_the_attempt_ends() {
    let relay = ScriptedRelay::start_with(three_mails("silence")).await;
    let sink = relay.sink(json!({}));
    for n in 0..3 {
        sink.deliver(&sample::numbered(n)).await.expect("taken");
    }
    let fourth = tokio::spawn(async move { sink.deliver(&sample::numbered(3)).await });
    heard(&relay, "MAIL", 4).await;
    pass(Duration::from_secs(6)).await;
    let sent = fourth.await.expect("nothing panics");
    sent.expect("another conversation carries it");
    assert_eq!((count(&relay, "EHLO"), mails(&relay)), (2, 4));
}

#[tokio::test]
async fn what_a_refused_mail_leaves_behind_meets_no_other() {
    let relay = ScriptedRelay::start(vec![("RCPT TO:<gone@", "550 5.1.1 unknown")]).await;
    let sink = relay.sink(json!({}));
    let mut refused = sample::notification();
    let gone = json!({"to": ["gone@example.com"]});
    refused.overrides = gone.as_object().cloned().expect("an object");
    for n in 0..2 {
        let error = sink.deliver(&refused).await.expect_err("nobody is there");
        assert_eq!(error.retry(), Retry::Never);
        sink.deliver(&sample::numbered(n)).await.expect("taken");
    }
    assert_eq!(count(&relay, "RSET"), 0);
    let (begun, ended) = (count(&relay, "EHLO"), count(&relay, "QUIT"));
    assert_eq!((begun, ended), (3, 2), "{:?}", relay.heard());
}

#[tokio::test]
async fn a_conversation_without_mails_ends_in_order() {
    let relay = ScriptedRelay::start(Vec::new()).await;
    let sink = relay.sink(json!({}));
    for n in 1..3 {
        sink.deliver(&sample::notification()).await.expect("taken");
        assert_eq!(count(&relay, "QUIT"), n - 1);
        pass(Duration::from_secs(11)).await;
        heard(&relay, "QUIT", n).await;
    }
    assert_eq!(count(&relay, "EHLO"), 2);
}

#[tokio::test]
async fn who_the_relay_cannot_read_is_told_once_although_a_conversation_ended() {
    let script = vec![("EHLO", "250 relay.test")];
    let relay = ScriptedRelay::start_limited(script, three_mails("hang up")).await;
    let sink = relay.sink(json!({"to": ["a@example.com", "j\u{f6}rg@example.com"]}));
    for n in 0..5 {
        let receipt = sink.deliver(&sample::numbered(n)).await.expect("taken");
        let told = receipt.detail();
        assert_eq!(told.matches("no SMTPUTF8").count(), 1, "{told}");
        let rest = json!({"to": ["j\u{f6}rg@example.com"]});
        assert_eq!(receipt.rest(), rest.as_object(), "{told}");
    }
    assert_eq!((count(&relay, "EHLO"), mails(&relay)), (2, 5));
}
