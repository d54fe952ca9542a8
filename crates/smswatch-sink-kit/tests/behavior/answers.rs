//! What each answer means.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::FutureExt as _;
use smswatch_sink_kit::{Clock, HttpClient, Retry, Secret, SinkContext, header};
use smswatch_testkit::receiver::{Answer, Receiver};

use crate::{deliver, made, plain, to};

/// What the table makes of one answer: `None` when it is delivered.
async fn judged(answer: Answer) -> Option<(Retry, String)> {
    let receiver = Receiver::start().await;
    receiver.answer_always(answer);
    let outcome = deliver(&plain(&receiver)).await;
    assert_eq!(receiver.requests().len(), 1, "one call is one attempt");
    outcome.err().map(|error| (error.retry(), error.detail()))
}

#[tokio::test]
async fn each_status_means_what_the_table_says() {
    for status in 200..300 {
        assert_eq!(judged(Answer::status(status)).await, None, "{status}");
    }
    for status in 300..600 {
        let expected = match status {
            400 | 405 | 413 | 415 | 422 => Retry::Never,
            410 => Retry::Gone,
            _ => Retry::Later,
        };
        let (retry, detail) = judged(Answer::status(status)).await.expect("not delivered");
        assert_eq!(retry, expected, "{status}");
        assert!(detail.contains(&status.to_string()), "{detail}");
    }
}

#[tokio::test]
async fn a_receiver_can_say_when() {
    let ten_seconds = |status| Answer::status(status).header("retry-after", "10");
    for status in [429, 503] {
        let (retry, _) = judged(ten_seconds(status)).await.expect("not delivered");
        assert_eq!(retry, Retry::After(Duration::from_secs(10)), "{status}");
    }
    let (retry, _) = judged(ten_seconds(500)).await.expect("not delivered");
    assert_eq!(retry, Retry::Later);
    let senseless = Answer::status(429).header("retry-after", "when it is over");
    let (retry, _) = judged(senseless).await.expect("not delivered");
    assert_eq!(retry, Retry::Later);
}

#[tokio::test]
async fn a_date_is_held_against_the_receivers_own_clock() {
    for until in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        let answer = Answer::status(503)
            .header("date", "Sun, 06 Nov 1994 08:49:07 GMT")
            .header("retry-after", until);
        let (retry, _) = judged(answer).await.expect("not delivered");
        assert_eq!(retry, Retry::After(Duration::from_secs(30)), "{until}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let receiver = Receiver::start().await;
    let elsewhere = Receiver::start().await;
    receiver.answer_always(Answer::status(308).header("location", &elsewhere.url("/")));
    let delivery = deliver(&plain(&receiver)).await;
    let error = delivery.expect_err("a redirect is no delivery");
    assert_eq!(error.retry(), Retry::Later);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn the_receivers_words_are_kept_in_one_line() {
    let (_, detail) = judged(Answer::status(422).body("no such\ntenant"))
        .await
        .expect("not delivered");
    insta::assert_snapshot!(detail, @"the receiver answered 422 Unprocessable Entity: no such tenant");
}

#[tokio::test]
async fn a_date_is_compared_with_the_clock_of_the_context_where_the_receiver_tells_none() {
    // 7 s before the date below.
    let clock = Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770));
    let receiver = Receiver::start().await;
    // An answer without a date of its own.
    receiver.answer_always(
        Answer::status(429)
            .header("date", "today")
            .header("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
    );
    let context = SinkContext::new("pager").with_clock(clock);
    let http = HttpClient::to("url", &receiver.url("/"), &context).allow_private(true);
    let error = deliver(&made(http)).await.expect_err("not now");
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_sink_knows_better_than_the_table_what_some_answers_mean() {
    let receiver = Receiver::start().await;
    let http = plain(&receiver);
    for (status, expected) in [
        (200, None),
        (202, None),
        (409, None),
        (404, Some(Retry::Never)),
        (500, Some(Retry::Later)),
    ] {
        receiver.answer_always(Answer::status(status).body("known"));
        let answer = http.post().send().await.expect("there is an answer");
        let judged = answer.taken_by([202, 409]).never([404]).receipt().await;
        let retry = judged.as_ref().err().map(|error| error.retry());
        assert_eq!(retry, expected, "{status}");
        if status == 409 {
            let receipt = judged.expect("it is taken");
            assert_eq!(receipt.detail(), "409 Conflict: known");
        }
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_the_bound_of_the_sink() {
    let receiver = Receiver::start().await;
    let http = plain(&receiver);
    receiver.answer_always(Answer::status(200).body(r#"{"ts":"1"}"#));
    let ask = || async { http.post().send().await.expect("there is an answer") };
    assert_eq!(ask().await.read(100).await.expect("it is short").len(), 10);
    let json: serde_json::Value = ask().await.json(100).await.expect("it is JSON");
    assert_eq!(json["ts"], "1");
    let error = ask().await.json::<u8>(100).await.expect_err("no number");
    assert_eq!(error.retry(), Retry::Later);
    receiver.answer_always(Answer::status(200).endless_body());
    let error = ask().await.read(100_000).await.expect_err("it never ends");
    assert_eq!(error.retry(), Retry::Later);
    insta::assert_snapshot!(error.detail(), @"the answer cannot be read: it is too large");
}

#[tokio::test]
async fn no_credential_is_repeated_in_whatever_form_and_wherever_the_answer_is_cut() {
    let receiver = Receiver::start().await;
    let address = receiver.address();
    let token = "an-uncommon-token-".repeat(10);
    let url = format!("http://us%40er:p%20ssword@{address}/hooks/0123456789abcdef?key=a%20key");
    let name = header::HeaderName::from_static("x-token");
    let http = to(&url)
        .headers("headers", [(name, format!("Token {token}"))])
        .secret(&Secret::new("wh/Sec+42&x9"));
    let http = made(http);
    for body in [
        // What was sent as basic authentication, and what it stands for.
        "dXNAZXI6cCBzc3dvcmQ= us@er p ssword p%20ssword".to_owned(),
        "0123456789abcdef a%20key a key".to_owned(),
        "wh%2fSec%2B42%26x9".to_owned(),
        r"wh\/Sec+42\u0026x9".to_owned(),
        "wh/Sec".to_owned(),
        // Cut in the third one, and what is left is short enough to be shown.
        format!("{token} {token} {token}"),
    ] {
        receiver.answer_always(Answer::status(422).body(body.clone()));
        let detail = deliver(&http).await.expect_err("not delivered").detail();
        assert!(
            detail.contains("422 Unprocessable Entity: [hidden]"),
            "{detail}"
        );
        for secret in [
            "dXNAZXI", "us@er", "ssword", "89abc", "key", "uncommon", "Sec",
        ] {
            assert!(!detail.contains(secret), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_success_with_a_broken_body_is_a_success() {
    assert_eq!(judged(Answer::status(200).stalled_body()).await, None);
    assert_eq!(judged(Answer::status(200).endless_body()).await, None);
}

#[tokio::test]
async fn a_success_waits_for_none_of_its_body() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Answer::status(200).stalled_body());
    let http = plain(&receiver);
    let answer = http.post().json("an alert").send().await;
    let receipt = answer.expect("an answer").receipt().now_or_never();
    let receipt = receipt.expect("it is there at once");
    assert_eq!(receipt.expect("it is accepted").detail(), "200 OK");
}

#[tokio::test]
async fn a_failure_with_a_body_that_never_comes_still_ends() {
    let (retry, _) = judged(Answer::status(422).stalled_body())
        .await
        .expect("not delivered");
    assert_eq!(retry, Retry::Never);
}

#[tokio::test]
async fn no_answer_at_all_is_worth_another_try() {
    let (retry, detail) = judged(Answer::hang_up()).await.expect("not delivered");
    assert_eq!(retry, Retry::Later);
    assert!(!detail.contains("http://"), "{detail}");
}

#[tokio::test]
async fn words_that_a_gateway_has_compressed_can_be_read_and_hide_no_credential() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(b"no such tenant").expect("memory");
    let packed = Answer::status(422)
        .header("content-encoding", "gzip")
        .body(packed.finish().expect("memory"));
    let (_, detail) = judged(packed).await.expect("not delivered");
    assert!(detail.ends_with(": no such tenant"), "{detail}");
    let unknown = Answer::status(422)
        .header("content-encoding", "br")
        .body(vec![0x0b, 0x02, 0x80, 0xff]);
    let (_, detail) = judged(unknown).await.expect("not delivered");
    assert!(detail.ends_with(": (compressed)"), "{detail}");
}
