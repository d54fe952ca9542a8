//! What each answer means.

use std::time::Duration;

use serde_json::json;
use smswatch_plugin::sink::{DeliveryError, Retry, Sink as _};
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;

use crate::configured;

/// What the sink makes of an answer to an incoming webhook.
async fn of_webhook(answer: Answer) -> DeliveryError {
    let receiver = Receiver::start().await;
    let sink = configured(json!({"webhook_url": receiver.url("/services/x")}));
    judged(&receiver, &sink.expect("it is valid"), answer).await
}

/// What the sink makes of an answer to a bot.
async fn of_bot(answer: Answer) -> DeliveryError {
    let receiver = Receiver::start().await;
    let sink = configured(json!({
        "bot_token": "xoxb-1", "channel": "C1", "api_url": receiver.url("/api"),
    }));
    judged(&receiver, &sink.expect("it is valid"), answer).await
}

async fn judged(
    receiver: &Receiver,
    sink: &smswatch_sink_slack::SlackSink,
    answer: Answer,
) -> DeliveryError {
    receiver.answer_always(answer);
    let error = sink
        .deliver(&sample::notification())
        .await
        .expect_err("the answer is no good one");
    assert_eq!(receiver.requests().len(), 1, "one call is one attempt");
    error
}

fn text(status: u16, body: &'static str) -> Answer {
    Answer::status(status).body(body)
}

fn failure(code: &str) -> Answer {
    Answer::status(200)
        .header("content-type", "application/json")
        .body(json!({"ok": false, "error": code}).to_string())
}

#[tokio::test]
async fn what_was_posted_is_not_posted_again_for_the_sake_of_an_odd_explanation() {
    for more in [
        json!({"response_metadata": null}),
        json!({"response_metadata": "x"}),
        json!({"response_metadata": {"messages": null}}),
        json!({"response_metadata": {"messages": [1, {"text": "x"}]}}),
        json!({"error": null}),
    ] {
        let receiver = Receiver::start().await;
        let sink = configured(json!({
            "bot_token": "xoxb-1", "channel": "C1", "api_url": receiver.url("/api"),
        }));
        let mut body = json!({"ok": true, "channel": "C1", "ts": "1.1"});
        let fields = more.as_object().cloned().expect("an object");
        body.as_object_mut().expect("an object").extend(fields);
        receiver.answer_next(Answer::status(200).body(body.to_string()));
        let sink = sink.expect("it is valid");
        let receipt = sink.deliver(&sample::notification()).await;
        assert_eq!(receipt.expect("taken").detail(), "posted as 1.1", "{body}");
    }
    let odd = json!({"ok": false, "error": 5, "response_metadata": {"messages": ["a", 1]}});
    let error = of_bot(Answer::status(200).body(odd.to_string())).await;
    assert_eq!(error.detail(), "Slack answered `unknown_error`: a");
}

#[tokio::test]
async fn what_is_wrong_with_the_message_is_permanent() {
    for code in ["invalid_payload", "no_text", "invalid_blocks"] {
        let error = of_webhook(text(400, code)).await;
        assert_eq!(error.retry(), Retry::Never, "{code}");
    }
    for code in ["invalid_blocks", "msg_too_long", "invalid_arguments"] {
        let error = of_bot(failure(code)).await;
        assert_eq!(error.retry(), Retry::Never, "{code}");
    }
    let error = of_webhook(text(413, "<html>too large</html>")).await;
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn what_an_operator_can_mend_is_tried_again_and_said() {
    let mut told = Vec::new();
    for (status, code) in [
        (403, "action_prohibited"),
        (403, "invalid_token"),
        (404, "no_service"),
        (404, "channel_not_found"),
        (410, "channel_is_archived"),
    ] {
        let error = of_webhook(text(status, code)).await;
        assert_eq!(error.retry(), Retry::Later, "{code}");
        told.push(error.detail());
    }
    for code in [
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "not_in_channel",
        "token_revoked",
        "a_code_of_tomorrow",
    ] {
        let error = of_bot(failure(code)).await;
        assert_eq!(error.retry(), Retry::Later, "{code}");
        told.push(error.detail());
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn slack_can_say_when() {
    let limited = Answer::status(429).header("retry-after", "30");
    for error in [
        of_webhook(limited.clone()).await,
        of_bot(limited).await,
        of_bot(Answer::status(503).header("retry-after", "30")).await,
        of_webhook(Answer::status(503).header("retry-after", "30")).await,
    ] {
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(30)));
    }
    let error = of_bot(Answer::status(429)).await;
    assert_eq!(error.retry(), Retry::Later);
}

#[tokio::test]
async fn a_date_is_held_against_the_clock_of_the_one_who_wrote_it() {
    let until_a_date = |status| {
        Answer::status(status)
            .header("date", "Sun, 06 Nov 1994 08:49:07 GMT")
            .header("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT")
    };
    for status in [429, 503] {
        for error in [
            of_webhook(until_a_date(status)).await,
            of_bot(until_a_date(status)).await,
        ] {
            assert_eq!(error.retry(), Retry::After(Duration::from_secs(30)));
        }
    }
}

#[tokio::test]
async fn a_token_alone_is_no_word_of_slacks() {
    let receiver = Receiver::start().await;
    let url = receiver.url("/services/t0/b0/0123456789abcdef01234567");
    let sink = configured(json!({ "webhook_url": url })).expect("it is valid");
    let error = judged(&receiver, &sink, text(400, "0123456789abcdef01234567")).await;
    assert_eq!(error.detail(), "Slack answered 400 Bad Request");
}

#[tokio::test]
async fn slacks_troubles_and_redirects_are_tried_again() {
    for status in [301, 307, 401, 500, 502, 503, 504] {
        for error in [
            of_webhook(Answer::status(status)).await,
            of_bot(Answer::status(status)).await,
        ] {
            assert_eq!(error.retry(), Retry::Later, "{status}");
            assert!(error.detail().contains(&status.to_string()));
        }
    }
    for answer in [Answer::hang_up(), failure("").body("<html>")] {
        assert_eq!(of_bot(answer).await.retry(), Retry::Later);
    }
}

#[tokio::test]
async fn a_good_status_alone_is_no_success() {
    for answer in [
        text(200, "<!doctype html><title>Sign in</title>").header("content-type", "text/html"),
        text(200, "\n<html>"),
        text(200, r#"{"ok": false, "error": "no_service"}"#).header("content-type", "text/plain"),
        failure("no_service"),
    ] {
        assert_eq!(of_webhook(answer).await.retry(), Retry::Later);
    }
}

#[tokio::test]
async fn a_webhook_that_refuses_in_slacks_own_words_has_refused_whatever_its_status_is() {
    for (word, retry) in [
        ("invalid_payload", Retry::Never),
        ("no_text\n", Retry::Never),
        ("too_many_attachments", Retry::Never),
        ("action_prohibited", Retry::Later),
        ("channel_is_archived", Retry::Later),
        ("channel_not_found", Retry::Later),
        ("invalid_token", Retry::Later),
        ("no_service", Retry::Later),
        ("no_service_id", Retry::Later),
        ("no_team", Retry::Later),
        ("posting_to_general_channel_denied", Retry::Later),
        ("rollup_error", Retry::Later),
        ("team_disabled", Retry::Later),
        ("user_not_found", Retry::Later),
    ] {
        let (error, with_400) = (
            of_webhook(text(200, word)).await,
            of_webhook(text(400, word)).await,
        );
        assert_eq!(error.retry(), retry, "{word}");
        assert_eq!(error.detail(), with_400.detail());
        assert_eq!(error.retry(), with_400.retry(), "{word}");
    }
}

#[tokio::test]
async fn a_webhook_that_takes_it_may_say_so_in_its_own_words() {
    let receiver = Receiver::start().await;
    let sink = configured(json!({"webhook_url": receiver.url("/services/x")}));
    let sink = sink.expect("it is valid");
    for (kind, body) in [
        ("text/html", "ok"),
        ("application/json", "ok"),
        ("application/json", r#"{"ok": true}"#),
        ("application/json", r#"{"success": true}"#),
        ("text/plain", ""),
        ("text/plain", "Accepted"),
        ("text/plain", "invalid_payload was not seen"),
    ] {
        receiver.answer_next(text(200, body).header("content-type", kind));
        let taken = sink.deliver(&sample::notification()).await;
        assert!(taken.is_ok(), "{kind} {body}");
    }
}

#[tokio::test]
async fn the_page_of_a_proxy_is_not_repeated() {
    let error = of_webhook(text(502, "<html>Bad Gateway</html>")).await;
    insta::assert_snapshot!(error.detail(), @"Slack answered 502 Bad Gateway");
}

/// The words in the documented table's rows with this outcome.
fn words(outcome: &str) -> Vec<&'static str> {
    let table = include_str!("../../README.md");
    let rows = table.lines().filter(|row| {
        row.starts_with("| `") && row.contains(outcome) && row.matches('`').count() > 8
    });
    let answers = rows.map(|row| row.split('|').nth(1).expect("a first column"));
    answers
        .flat_map(|answers| answers.split('`').skip(1).step_by(2))
        .collect()
}

#[tokio::test]
async fn each_word_means_what_the_table_says() {
    for (outcome, retry) in [
        ("| permanent |", Retry::Never),
        ("| retry later |", Retry::Later),
    ] {
        let words = words(outcome);
        assert!(words.len() > 19, "{words:?}");
        for word in words {
            assert_eq!(of_bot(failure(word)).await.retry(), retry, "{word}");
            assert_eq!(of_webhook(text(400, word)).await.retry(), retry, "{word}");
        }
    }
    for error in [
        of_bot(failure("a_word_of_tomorrow")).await,
        of_webhook(text(404, "a_word")).await,
    ] {
        assert_eq!(error.retry(), Retry::Later);
    }
}

#[tokio::test]
async fn each_status_without_a_word_means_what_the_table_says() {
    for status in 300..600 {
        let expected = match status {
            413 => Retry::Never,
            _ => Retry::Later,
        };
        for error in [
            of_webhook(Answer::status(status)).await,
            of_bot(Answer::status(status)).await,
        ] {
            assert_eq!(error.retry(), expected, "{status}: {}", error.detail());
        }
    }
}
