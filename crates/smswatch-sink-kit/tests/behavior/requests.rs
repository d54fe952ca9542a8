//! What is sent, and where.

use smswatch_plugin::VERSION;
use smswatch_sink_kit::{Method, Probe, Retry, Secret, header};
use smswatch_testkit::receiver::{Answer, Receiver, RefusedPort};

use crate::{deliver, made, plain, refused, to};

const TOKEN: &str = "tk_7f3Q9xLm2Vb8RzWn";

#[tokio::test]
async fn json_is_posted_with_the_headers_of_the_client() {
    let receiver = Receiver::start().await;
    let url = format!("http://us%40er:pass@{}/hook?key=x", receiver.address());
    let http = made(to(&url).headers("headers", [(header::ACCEPT, "text/plain".to_owned())]));
    deliver(&http).await.expect("it is taken");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!((&*request.method, &*request.path), ("POST", "/hook?key=x"));
    assert_eq!(request.text(), "\"an alert\"");
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", &*format!("smswatch/{VERSION}")),
        ("accept", "text/plain"),
        // Base64 of `us@er:pass`.
        ("authorization", "Basic dXNAZXI6cGFzcw=="),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_token_goes_to_the_receiver_and_to_nobody_else() {
    let (receiver, stranger) = (Receiver::start().await, Receiver::start().await);
    let base = made(to(&receiver.url("/api/?x=1")).bearer("token", &Secret::new(TOKEN)));
    let own = base.below("/v2/alerts");
    assert_eq!(own.as_str(), receiver.url("/api/v2/alerts?x=1"));
    let other = stranger.url("/").parse().expect("a URL");
    for url in [own, other] {
        let answer = base.request(Method::PUT, url).body("x").send().await;
        answer
            .expect("there is an answer")
            .receipt()
            .await
            .expect("it is taken");
    }
    let sent = &receiver.wait_for(1).await[0];
    assert_eq!((&*sent.method, &*sent.path), ("PUT", "/api/v2/alerts?x=1"));
    assert_eq!(
        sent.header("authorization"),
        Some(&*format!("Bearer {TOKEN}"))
    );
    assert_eq!(stranger.wait_for(1).await[0].header("authorization"), None);
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_told_and_never_sent() {
    let receiver = Receiver::start().await;
    let http = plain(&receiver);
    let sent = http.post().header("x-label", "two\nlines").send().await;
    let error = sent.expect_err("no header has two lines");
    assert_eq!(error.retry(), Retry::Never);
    assert!(receiver.requests().is_empty());
    let error = refused(to(&receiver.url("/")).bearer("token", &Secret::new("two\nlines")));
    assert_eq!(error.key(), Some("token"));
    assert!(!error.to_string().contains("lines\n"), "{error}");
}

#[test]
fn a_url_that_cannot_be_meant_is_told_with_its_key_and_without_its_secrets() {
    for (url, what) in [
        (
            "crm.example.com/s3cret",
            "not a URL: relative URL without a base",
        ),
        (
            "ftp://crm.example.com/s3cret",
            "expected a URL that begins with `https://` or `http://`",
        ),
    ] {
        let error = refused(to(url));
        assert_eq!((error.key(), &*error.to_string()), (Some("url"), what));
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let receiver = Receiver::start().await;
    let http = plain(&receiver);
    for n in 0..20 {
        if n == 10 {
            receiver.answer_always(Answer::status(200).body("taken"));
        }
        deliver(&http).await.expect("it is taken");
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_probe_reaches_the_server_and_touches_nothing_there() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Answer::status(404));
    let url = format!(
        "http://user:{TOKEN}@{}/hook?key={TOKEN}",
        receiver.address()
    );
    let http = made(to(&url).bearer("token", &Secret::new(TOKEN)));
    let Ok(Probe::Answered(said)) = http.probe().await else {
        panic!("the receiver is there");
    };
    assert_eq!(said, format!("{} answers", receiver.address()));
    let request = &receiver.wait_for(1).await[0];
    assert_eq!((&*request.method, &*request.path), ("HEAD", "/"));
    assert_eq!(request.header("authorization"), None);
    let port = RefusedPort::take();
    let away = made(to(&format!("http://{}/", port.address())));
    let error = away.probe().await.expect_err("nobody is there");
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(
        error.detail(),
        format!("{} refuses connections", port.address())
    );
}

#[test]
fn it_prints_where_it_goes_and_no_more() {
    let url = "https://user:hunter2@pager.example.com/hook/0123456789abcdef";
    let builder = to(url).bearer("token", &Secret::new(TOKEN));
    insta::assert_debug_snapshot!(builder, @r#"
    HttpClientBuilder {
        key: "url",
        guard: Open,
        ..
    }
    "#);
    if let Ok(http) = builder.build() {
        insta::assert_debug_snapshot!(http, @"HttpClient(https://pager.example.com)");
    }
}
