//! A status that Routee does not document is told once, whoever sees it and however often.

use std::collections::BTreeSet;

use routee_sim::{Fate, MessageSpec, PartSpec, Step};

use crate::ask::{self, until, watch_that};
use crate::process::Process;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_routee_does_not_document_is_told_once_over_a_restart() {
    let stage = Stage::new().await;
    let rules = "
  - {name: unknown, event: unknown_status, match: {status: '!Dreaming', country: GR}, notify: [crm]}
";
    let config = stage.config_with_rules(&stage.sqlite(), rules);
    let message = |word: &str| {
        let spec = MessageSpec {
            parts: vec![PartSpec::from(vec![Step::new(0, word)])],
            to: Some("+306900000001".to_owned()),
            ..Fate::Delivered.into()
        };
        stage.sim.register(spec).expect("a message")
    };
    let told = || {
        let requests = stage.webhook.requests().into_iter();
        let told = requests.map(|request| {
            let event = request.json()["data"]["events"][0].clone();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            assert_eq!(text(&event["type"]), "sms.unknown_status");
            (
                text(&event["event_id"]),
                text(&event["current"]["status"]),
                text(&event["message"]["message_id"]),
            )
        });
        told.collect::<BTreeSet<_>>()
    };

    let first = message("Buffered");
    let process = Process::start(&config);
    process.json(&["watch", &first]);
    until("it is told", async || told().len() == 1).await;
    assert_eq!(process.terminate(), Some(0));

    let process = Process::start(&config);
    let (same, known, other) = (
        message("BUFFERED"),
        message("network error"),
        message("Held"),
    );
    process.json(&["watch", &same, &known]);
    for id in [&same, &known] {
        watch_that(&process, id, |watch| {
            watch["parts"][0]["status"].is_string()
        })
        .await;
    }
    process.json(&["watch", &other]);
    until("the other one is told", async || told().len() == 2).await;
    let words: Vec<_> = told().into_iter().map(|(_, word, id)| (word, id)).collect();
    let expected = [("Buffered", &first), ("Held", &other)];
    for (word, id) in expected {
        assert!(words.contains(&(word.to_owned(), id.clone())), "{words:?}");
        // Whoever asks about the message finds it there.
        let (_, page) = ask::json(&process, &format!("/v1/events?message_id={id}")).await;
        let shown = process.json(&["show", id]);
        let told = |events: &serde_json::Value, pointer: &str| {
            let events = events.as_array().expect("a list").iter();
            events
                .filter(|event| event.pointer(pointer) == Some(&"sms.unknown_status".into()))
                .count()
        };
        assert_eq!(told(&page["items"], "/type"), 1, "{page}");
        assert_eq!(told(&shown["events"], "/event/type"), 1, "{shown}");
    }
    assert_eq!(process.terminate(), Some(0));
}
