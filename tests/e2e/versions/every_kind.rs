//! Whatever a later version keeps in formats of its own, this version works beside it, and loses nothing of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use smswatch_testkit::receiver::Answer;

use super::*;
use crate::ask::{self, until};
use crate::stage::{routee, sqlite_in};

/// A value in the store that begins with the number of its format: in which table or key, and which one there.
type Place = (String, Vec<u8>);

/// The store as it lies there, apart from any version.
enum Raw {
    Redis(redis::Connection),
    Sqlite(PathBuf),
}

/// The tables of SQLite that have formats, with the columns of names and values.
const TABLES: [(&str, &str, &str); 4] = [
    ("watches", "id", "record"),
    ("records", "kind || '/' || id", "body"),
    ("memos", "name", "value"),
    ("deliveries", "id", "body"),
];

impl Raw {
    fn redis(server: &RedisServer) -> Self {
        let client = redis::Client::open(server.url()).expect("a client");
        Self::Redis(client.get_connection().expect("a connection"))
    }

    /// All values that have a format.
    fn all(&mut self) -> BTreeMap<Place, Vec<u8>> {
        match self {
            Self::Redis(connection) => {
                let keys: Vec<String> = redis::cmd("KEYS")
                    .arg("smswatch:{*}:*")
                    .query(connection)
                    .expect("keys");
                let mut all = BTreeMap::new();
                for key in keys {
                    let name = key.split_once("}:").expect("a shard").1;
                    let (kind, _) = name.split_once(':').unwrap_or_default();
                    if !matches!(kind, "w" | "x" | "g" | "m" | "d") {
                        continue;
                    }
                    let fields: BTreeMap<Vec<u8>, Vec<u8>> = redis::cmd("HGETALL")
                        .arg(&key)
                        .query(connection)
                        .expect("a hash");
                    let has_format = |field: &[u8]| match kind {
                        "m" => field == b"value",
                        "d" => field == b"b",
                        _ => true,
                    };
                    let fields = fields.into_iter().filter(|(field, _)| has_format(field));
                    all.extend(fields.map(|(field, value)| ((key.clone(), field), value)));
                }
                all
            }
            Self::Sqlite(path) => {
                let file = rusqlite::Connection::open(path).expect("the file");
                let mut all = BTreeMap::new();
                for (table, name, value) in TABLES {
                    let query = format!("SELECT {name}, {value} FROM {table}");
                    let mut query = file.prepare(&query).expect("a query");
                    let rows = query.query_map([], |row| {
                        let name: String = row.get(0)?;
                        Ok(((table.to_owned(), name.into_bytes()), row.get(1)?))
                    });
                    let rows = rows.expect("rows").map(|row| row.expect("a row"));
                    all.extend(rows);
                }
                all
            }
        }
    }

    fn put(&mut self, (key, field): &Place, value: &[u8]) {
        match self {
            Self::Redis(connection) => {
                let mut put = redis::cmd("HSET");
                let put = put.arg(key).arg(field).arg(value);
                put.query::<i64>(connection).expect("it is written");
            }
            Self::Sqlite(path) => {
                let file = rusqlite::Connection::open(path).expect("the file");
                let (_, name, column) = TABLES
                    .iter()
                    .find(|(table, ..)| table == key)
                    .expect("a table");
                let update = format!("UPDATE {key} SET {column} = ?1 WHERE {name} = ?2");
                let field = String::from_utf8(field.clone()).expect("a name");
                file.execute(&update, (value, field))
                    .expect("it is written");
            }
        }
    }

    /// Gives each of these values another format, or the one it had before.
    fn turn(&mut self, values: &BTreeMap<Place, Vec<u8>>) -> BTreeMap<Place, Vec<u8>> {
        let mut turned = BTreeMap::new();
        for (place, value) in values {
            // On Redis a line with version and due time stands before the body of a record.
            let is_record = place.0.contains("}:g:");
            let head = value.iter().position(|byte| is_record && *byte == b'\n');
            let mut value = value.clone();
            value[head.map_or(0, |end| end + 1)] ^= 8;
            self.put(place, &value);
            turned.insert(place.clone(), value);
        }
        turned
    }
}

fn config(stage: &Stage, store: &str) -> PathBuf {
    let path = stage.directory.path().join("smswatch.yaml");
    let text = format!(
        r#"
{routee}
store: {{url: "{store}"}}
watch: {{schedule: [50ms], confirm_after: 200ms, sweep: {{every: 1s}}}}
callbacks: {{secret: a-secret-of-the-callbacks, hold: 30s}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{crm}", allow_private: true}}
  oncall: {{type: webhook, url: "{oncall}", allow_private: true}}
  other:
    type: webhook
    url: "{other}"
    allow_private: true
    retry: {{schedule: [1s], give_up_after: 1h}}
    breaker: {{failures: 2, probe: 1s}}
rules:
  - {{name: each, match: {{status: Undelivered}}, once_per: message, throttle: {{at_most: 1000, per: 1h}}, notify: [crm]}}
  - {{name: others, match: {{status: Undelivered}}, notify: [other]}}
  - {{name: grouped, match: {{final: true}}, group: {{wait: 1h, interval: 1h}}, notify: [oncall]}}
  - {{name: rated, event: rate, count: {{status: Undelivered}}, over: 1h, above: 0, notify: [crm]}}
"#,
        routee = routee(&stage.sim, "requests_per_second: 1000"),
        crm = stage.webhook.url("/hook"),
        oncall = stage.webhook.url("/oncall"),
        other = stage.slack.url("/other"),
    );
    std::fs::write(&path, text).expect("a file");
    path
}

async fn post(process: &Process, path: &str, body: &Value) -> u16 {
    let request = reqwest::Client::new().post(format!("{}{path}", process.url));
    let request = request.header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await;
    answer.expect("an answer").status().as_u16()
}

/// Waits until `sink` was told of the message `id`.
async fn told(sink: &smswatch_testkit::receiver::Receiver, id: &str) {
    let is_about = |request: &smswatch_testkit::receiver::Request| request.text().contains(id);
    sink.wait_for_some(1, is_about).await;
}

const LISTS: [&str; 12] = [
    "watches",
    "events",
    "deliveries",
    "campaigns",
    "groups",
    "alerts",
    "silences",
    "stats",
    "rules",
    "sinks",
    "stuck",
    "set-aside",
];

async fn every_kind_is_left_alone_and_gone_on_with(
    stage: &Stage,
    url: &str,
    raw: impl Fn() -> Raw,
) {
    let config = config(stage, url);
    stage.slack.answer_always(Answer::status(503));
    let process = Process::start(&config);
    let first = stage.message(Fate::CarrierViolation);
    let campaign = serde_json::json!({"messages": [{"message_id": first}], "campaigns": [{"tracking_id": "spring"}]});
    assert_eq!(post(&process, "/v1/watches", &campaign).await, 202);
    let silence = [
        "silence",
        "add",
        "--match",
        "country=ZZ",
        "--for",
        "1h",
        "--comment",
        "nobody lives there",
    ];
    assert!(process.ask(&silence).status.success());
    let callback = serde_json::json!({"messageId": "held", "smsId": "held-1", "part": 1, "parts": 1, "to": "+306900000001",
        "from": "MyShop", "status": {"name": "Undelivered", "updatedDate": "2026-11-30T10:00:00Z"}});
    let path = "/callbacks/routee/a-secret-of-the-callbacks";
    assert_eq!(post(&process, path, &callback).await, 200);
    told(&stage.webhook, &first).await;
    until(
        "the alert fires, and the other receiver is down",
        async || {
            let alerts = ask::text(&process, "/v1/alerts").await;
            let ready = ask::text(&process, "/readyz").await;
            let groups = ask::text(&process, "/v1/groups").await;
            alerts.contains("rated")
                && groups.contains("grouped")
                && ready.contains("\"sink:other\":{\"ok\":false")
        },
    )
    .await;
    assert_eq!(process.terminate(), Some(0));

    // A later version comes and goes.
    let mut store = raw();
    let before = store.all();
    let kinds = [
        "group",
        "rate",
        "mark",
        "campaign",
        "sweep",
        "held",
        "throttle",
        "sink:other",
        "silences",
    ];
    for kind in kinds {
        let is_of = |(key, field): &Place| {
            key.contains(kind) || String::from_utf8_lossy(field).contains(kind)
        };
        assert!(
            before.keys().any(is_of),
            "nothing is kept of {kind}: {:?}",
            before.keys()
        );
    }
    let later = store.turn(&before);
    drop(store);

    stage.slack.answer_always(Answer::status(200));
    let process = Process::start(&config);
    let second = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &second])["accepted"], 1);
    told(&stage.webhook, &second).await;
    told(&stage.slack, &second).await;
    for list in LISTS {
        let (status, _) = ask::json(&process, &format!("/v1/{list}")).await;
        assert_eq!(status, 200, "{list}");
    }
    let (_, shown) = ask::json(&process, "/v1/campaigns").await;
    assert_eq!(shown["items"][0]["unreadable"], true, "{shown}");
    assert!(process.ask(&["status"]).status.success() || !process.said().contains("ERROR"));
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    let metrics = ask::metrics(&process).await;
    assert!(
        !metrics.contains("smswatch_unreadable_total 0\n"),
        "it is counted"
    );
    assert_eq!(process.terminate(), Some(0));

    // Nothing of it is lost, or other than it was.
    let mut store = raw();
    let after = store.all();
    for (place, value) in &later {
        let place_name = (&place.0, String::from_utf8_lossy(&place.1));
        assert_eq!(
            after.get(place),
            Some(value),
            "{place_name:?} is not as it was"
        );
    }
    store.turn(&later);
    drop(store);

    let process = Process::start(&config);
    let known = ask::watch_that(&process, &first, |watch| watch["state"] == "final").await;
    assert_ne!(known["unreadable"], true);
    told(&stage.slack, &first).await;
    let (_, shown) = ask::json(&process, "/v1/campaigns").await;
    assert_ne!(shown["items"][0]["unreadable"], true, "{shown}");
    let (_, silences) = ask::json(&process, "/v1/silences").await;
    assert!(
        silences.to_string().contains("nobody lives there"),
        "{silences}"
    );
    let (_, groups) = ask::json(&process, "/v1/groups").await;
    assert!(
        groups["items"]
            .as_array()
            .is_some_and(|groups| groups.len() == 2),
        "{groups}"
    );
    let is_held = |watch: &Value| watch["message_id"] == "held";
    ask::watch_that(&process, "held", is_held).await;
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    let pending = ask::text(&process, "/v1/deliveries?state=pending").await;
    assert!(!pending.contains("later_version"), "{pending}");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_every_kind_that_a_later_version_keeps_is_left_alone_and_gone_on_with() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let raw = || Raw::redis(&redis);
    every_kind_is_left_alone_and_gone_on_with(&stage, &redis.url(), raw).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_every_kind_that_a_later_version_keeps_is_left_alone_and_gone_on_with() {
    let stage = Stage::new().await;
    let directory = stage.directory.path();
    let raw = || Raw::Sqlite(directory.join("store.db"));
    every_kind_is_left_alone_and_gone_on_with(&stage, &sqlite_in(directory), raw).await;
}
