//! Nothing that Routee answers hides a status or ends a watch that it should not end.

use std::path::PathBuf;

use routee_sim::{Fate, FaultKind, FaultRule};
use serde_json::{Value, json};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, watch_that};
use crate::process::Process;
use crate::stage::{Stage, sqlite_in, webhook};

/// Writes a configuration; `watch` is what it says about watching besides the schedule.
fn config(stage: &Stage, watch: &str) -> PathBuf {
    config_on(stage, &stage.sqlite(), watch)
}

/// The same on another store.
fn config_on(stage: &Stage, store: &str, watch: &str) -> PathBuf {
    let rest = format!(
        r#"
watch: {{schedule: [50ms], confirm_after: 0s, {watch}}}
alarms: {{provider_down_after: 500ms}}
sinks:
{ops}
rules:
  - {{name: undelivered, match: {{status: Undelivered}}, notify: [ops]}}
  - {{name: not-found, event: not_found, notify: [ops]}}
  - {{name: gave-up, event: gave_up, notify: [ops]}}
  - {{name: down, event: provider_down, notify: [ops]}}
"#,
        ops = webhook("ops", &stage.ops, ""),
    );
    stage.write(store, &rest)
}

/// From now on this is what is answered about a message.
fn answer(stage: &Stage, message: &str, status: u16, body: Option<&str>) {
    fault(
        stage,
        message,
        FaultKind::Status {
            status,
            body: body.map(str::to_owned),
        },
    );
}

fn fault(stage: &Stage, message: &str, kind: FaultKind) {
    stage.sim.add_fault(FaultRule {
        kind,
        message: Some(message.to_owned()),
        ..FaultRule::default()
    });
}

/// The types of what was told, with the messages.
fn told(stage: &Stage) -> Vec<(String, String)> {
    let requests = stage.ops.requests().into_iter();
    let words = requests.map(|request| {
        let body = request.json();
        let id = &body["data"]["events"][0]["message"]["message_id"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&body["type"]), text(id))
    });
    words.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_emoji_and_its_like_hide_no_status() {
    let stage = Stage::new().await;
    let odd = [
        r#""label": "Order 17 \ud83d""#,
        "\"label\": \"line one\nline two\"",
        r#""body": "x	y", "from": "\ude00""#,
        r#""price": 1e400"#,
        r#""latency": NaN, "price": -Infinity"#,
        r#""operator": {"name": ["\ud83d"]},"#,
        r#""label": "x" "country": "GR""#,
    ];
    let mut ids = Vec::new();
    for odd in odd {
        let id = stage.ended(Fate::Queued);
        let body = format!(
            r#"[{{"smsId": "sms-{id}", "messageId": "{id}", "part": 1, "parts": 1, {odd},
                "status": {{"status": "Undelivered", "date": "2026-05-01T10:28:49Z",
                "reason": {{"detailedStatus": "Carrier Violation"}}}}}}]"#
        );
        answer(&stage, &id, 200, Some(&body));
        ids.push(id);
    }
    let process = Process::start(&config(&stage, "give_up_after: 1h"));
    let watch = [vec!["watch"], ids.iter().map(String::as_str).collect()].concat();
    assert_eq!(process.json(&watch)["accepted"], ids.len());
    stage.ops.wait_for(ids.len()).await;
    let mut told: Vec<_> = told(&stage).into_iter().map(|(_, id)| id).collect();
    told.sort();
    ids.sort();
    assert_eq!(told, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_its_messages_trouble_and_not_routees() {
    let stage = Stage::new().await;
    let id = stage.ended(Fate::Queued);
    answer(&stage, &id, 200, Some("OK"));
    let process = Process::start(&config(&stage, "give_up_after: 20s"));
    process.json(&["watch", &id]);
    let watch = watch_that(&process, &id, |watch| {
        watch["trouble"]["polls"].as_u64() > Some(3)
    })
    .await;
    assert_eq!(watch["state"], "watching");
    assert_eq!(watch["trouble"]["kind"], "unreadable");
    let (_, ready) = ask::json(&process, "/readyz").await;
    assert_eq!(ready["parts"]["provider"], json!({"ok": true}));
    watch_that(&process, &id, |watch| watch["state"] == "gave_up").await;
    stage.ops.wait_for(1).await;
    assert_eq!(told(&stage), [("sms.gave_up".to_owned(), id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_polls_all_fail_while_others_are_answered_is_given_up_whatever_the_answer_is()
 {
    let stage = Stage::new().await;
    let answers = [
        (200, Some("<html><h1>Sorry</h1></html>")),
        (200, Some(r#"{"error": "sorry"}"#)),
        (200, Some("")),
        (404, Some("<h1>Not Found</h1>")),
        (302, None),
        (403, None),
        (500, None),
    ];
    let failing: Vec<String> = answers
        .into_iter()
        .map(|(status, body)| {
            let id = stage.ended(Fate::Queued);
            answer(&stage, &id, status, body);
            id
        })
        .collect();
    let process = Process::start(&config(&stage, "give_up_after: 6s"));
    let watch = |ids: &[String]| {
        let words = [vec!["watch"], ids.iter().map(String::as_str).collect()].concat();
        assert_eq!(process.json(&words)["accepted"], ids.len());
    };
    watch(&failing);
    for id in &failing {
        watch_that(&process, id, |watch| {
            watch["trouble"]["polls"].as_u64() > Some(3)
        })
        .await;
    }
    // These are answered, beyond the end of the others.
    let answered: Vec<String> = (0..2 * failing.len())
        .map(|_| stage.ended(Fate::Queued))
        .collect();
    watch(&answered);
    for id in &failing {
        watch_that(&process, id, |watch| watch["state"] == "gave_up").await;
    }
    let (_, ready) = ask::json(&process, "/readyz").await;
    assert_eq!(ready["parts"]["provider"], json!({"ok": true}), "{ready}");
    ask::until("each is told", async || {
        let told = told(&stage);
        let is_told = |id: &String| told.contains(&("sms.gave_up".to_owned(), id.clone()));
        failing.iter().all(is_told)
    })
    .await;
}

async fn an_id_in_upper_case_is_watched_once(store: &str) {
    let stage = Stage::new().await;
    let id = stage.ended(Fate::CarrierViolation);
    let upper = id.to_uppercase();
    let process = Process::start(&config_on(&stage, store, "give_up_after: 1h"));
    assert_eq!(process.json(&["watch", &upper])["accepted"], 1);
    assert_eq!(process.json(&["watch", &id])["already_watched"], 1);
    stage.ops.wait_for(1).await;
    assert_eq!(told(&stage)[0].1, upper);
    for spelled in [&id, &upper] {
        let timeline = process.json(&["show", spelled]);
        assert_eq!(timeline["watch"]["message_id"], upper);
        assert_eq!(timeline["deliveries"][0]["message_ids"], json!([upper]));
        assert!(!timeline["events"].as_array().expect("a list").is_empty());
    }
    assert!(process.ask(&["unwatch", &id]).status.success());
    assert!(!process.ask(&["show", &upper]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_an_id_in_upper_case_is_watched_once_and_told_as_it_was_registered() {
    let directory = tempfile::tempdir().expect("a directory");
    an_id_in_upper_case_is_watched_once(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_an_id_in_upper_case_is_watched_once_and_told_as_it_was_registered() {
    let redis = RedisServer::start();
    an_id_in_upper_case_is_watched_once(&redis.url()).await;
}

/// Routee spells ids otherwise than they were registered, and otherwise from one answer to the next.
async fn ids_that_routee_spells_otherwise_are_the_same(store: &str) {
    let stage = Stage::new().await;
    let id = stage.ended(Fate::Queued);
    let upper = id.to_uppercase();
    let body = |id: &str, sms_id: &str, status: &str, second: u32| {
        format!(
            r#"[{{"smsId": "{sms_id}", "messageId": "{id}", "part": 1, "parts": 1,
                "status": {{"status": "{status}", "date": "2026-05-01T10:28:{second}Z"}}}}]"#
        )
    };
    answer(&stage, &id, 200, Some(&body(&upper, "PART-A", "Sent", 40)));
    let process = Process::start(&config_on(&stage, store, "give_up_after: 1h"));
    process.json(&["watch", &id]);
    watch_that(&process, &id, |watch| watch["parts"][0]["status"] == "Sent").await;
    stage.sim.clear_faults();
    answer(
        &stage,
        &id,
        200,
        Some(&body(&id, "part-a", "Undelivered", 49)),
    );
    stage.ops.wait_for(1).await;
    let watch = watch_that(&process, &upper, |watch| watch["state"] == "final").await;
    assert_eq!(watch["message_id"], id);
    assert_eq!(watch["parts"].as_array().map(Vec::len), Some(1), "{watch}");
    assert_eq!(
        told(&stage),
        [("sms.status_changed".to_owned(), id.clone())]
    );
    let found = process.json(&["events", "--message-id", &upper]);
    assert!(found.to_string().contains("Undelivered"), "{found}");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_ids_that_routee_spells_otherwise_are_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    ids_that_routee_spells_otherwise_are_the_same(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_ids_that_routee_spells_otherwise_are_the_same() {
    let redis = RedisServer::start();
    ids_that_routee_spells_otherwise_are_the_same(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_message_outlives_404s_and_400s_and_begins_anew_when_it_is_registered_again() {
    let stage = Stage::new().await;
    let id = stage.ended(Fate::Queued);
    let process = Process::start(&config(&stage, "give_up_after: 1h, not_found_grace: 20s"));
    process.json(&["watch", &id]);
    watch_that(&process, &id, |watch| {
        watch["parts"][0]["status"] == "Queued"
    })
    .await;

    for (status, body, kind) in [
        (404, Some("<html>not here</html>"), "failed"),
        (404, Some(""), "failed"),
        (400, None, "invalid_id"),
        (405, None, "failed"),
    ] {
        answer(&stage, &id, status, body);
        let is_told = |watch: &Value| {
            watch["trouble"]["kind"] == kind && watch["trouble"]["polls"].as_u64() > Some(2)
        };
        assert_eq!(
            watch_that(&process, &id, is_told).await["state"],
            "watching"
        );
        stage.sim.clear_faults();
        watch_that(&process, &id, |watch| watch["trouble"].is_null()).await;
    }

    fault(&stage, &id, FaultKind::NotFound);
    let watch = watch_that(&process, &id, |watch| watch["state"] == "not_found").await;
    assert_eq!(
        watch["parts"][0]["status"], "Queued",
        "its snapshot is kept"
    );
    // Routee itself was rightly said to be down while it answered with web pages.
    let of_message = || {
        let told = told(&stage).into_iter();
        told.filter(|(_, about)| *about == id).collect::<Vec<_>>()
    };
    ask::until("it is told", async || !of_message().is_empty()).await;
    assert_eq!(of_message(), [("sms.not_found".to_owned(), id.clone())]);

    stage.sim.clear_faults();
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let watch = watch_that(&process, &id, |watch| watch["trouble"].is_null()).await;
    assert_eq!(watch["state"], "watching");
    assert_eq!(process.json(&["watch", &id])["already_watched"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_watch_does_not_come_back_however_short_the_retention_is() {
    let stage = Stage::new().await;
    let id = stage.ended(Fate::Queued);
    let process = Process::start(&config(&stage, "retention: 100ms"));
    fault(&stage, &id, FaultKind::Slow { ms: 1500 });
    process.json(&["watch", &id]);
    let is_asked_for = async || stage.sim.stats().faults[0].served > 0;
    ask::until("it is asked for", is_asked_for).await;
    assert!(process.ask(&["unwatch", &id]).status.success());
    // Another one that takes as long and begins later has ended, so the first one has, too.
    let other = stage.ended(Fate::CarrierViolation);
    fault(&stage, &other, FaultKind::Slow { ms: 2500 });
    process.json(&["watch", &other]);
    stage.ops.wait_for(1).await;
    assert!(!process.ask(&["show", &id]).status.success());
    assert_eq!(process.terminate(), Some(0));
    let process = Process::start(&config(&stage, "retention: 100ms"));
    assert!(!process.ask(&["show", &id]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_watch_are_bounded_over_all_its_registrations() {
    let stage = Stage::new().await;
    let id = stage.ended(Fate::Queued);
    let process = Process::start(&config(&stage, "give_up_after: 1h"));
    let tags = |from: usize, to: usize| -> Vec<String> {
        (from..to)
            .flat_map(|n| ["--tag".to_owned(), format!("t{n}=x")])
            .collect()
    };
    let watch = |tags: Vec<String>| {
        let mut arguments = vec!["watch", &id];
        arguments.extend(tags.iter().map(String::as_str));
        process.ask(&arguments)
    };
    assert!(watch(tags(0, 50)).status.success());
    let refused = watch(tags(40, 60));
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("60 tags") && said.contains("at most 50"),
        "{said}"
    );
    let shown = process.json(&["show", &id]);
    assert_eq!(
        shown["watch"]["tags"].as_object().map(serde_json::Map::len),
        Some(50)
    );
}
