//! `smswatch dead` and `smswatch replay`: what could not be delivered, and what is to be sent again.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::table::Table;
use super::{attempts_made, field, print, print_json, remark, shown_of};
use crate::cli::{Choice, DeadChoiceArgs, DeadListArgs, DeadShowArgs, ReplayArgs};
use crate::client::{Client, Refused};

/// How many characters of a reason a list shows.
const REASON: usize = 80;

pub(crate) async fn list(args: DeadListArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let wanted = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut letters: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    // A page may hold less than was asked for, even nothing, and not be the last.
    let is_all = loop {
        let left = (wanted - letters.len()).to_string();
        let mut query = vec![("state", "dead"), ("limit", left.as_str())];
        query.extend(args.sink.as_deref().map(|sink| ("sink", sink)));
        query.extend(args.rule.as_deref().map(|rule| ("rule", rule)));
        query.extend(args.since.as_deref().map(|since| ("since", since)));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = client.get(&["v1", "deliveries"], &query).await?;
        letters.extend(page["items"].as_array().into_iter().flatten().cloned());
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() || letters.len() >= wanted {
            break cursor.is_none();
        }
    };
    if let (Some(sink), true) = (&args.sink, letters.is_empty()) {
        known(&client, sink).await?;
    }
    if args.output.json {
        return print_json(&Value::Array(letters));
    }
    print(&render_list(&letters))?;
    if !is_all {
        let of = match (&args.rule, &args.since) {
            (None, None) => dead_letters(&client, args.sink.as_deref()).await,
            _ => None,
        };
        remark(&shown_of(letters.len(), of));
    }
    Ok(())
}

/// Sees to it that the service knows a sink of this name, or did so once.
async fn known(client: &Client, sink: &str) -> anyhow::Result<()> {
    let status = client.get(&["v1", "status"], &[]).await?;
    let parts = status["parts"].as_object().into_iter().flatten();
    let parts = parts.filter_map(|(part, _)| part.strip_prefix("sink:"));
    let configured: Vec<&str> = parts.filter(|name| !name.contains('/')).collect();
    let queues = status["queues"].as_array().into_iter().flatten();
    let mut queued = queues.filter_map(|queue| queue["sink"].as_str());
    if configured.contains(&sink) || queued.any(|name| name == sink) {
        return Ok(());
    }
    bail!(
        "{}",
        smswatch_core::no_such_sink(sink, configured.into_iter())
    )
}

/// How many dead letters there are, all of them or those of one sink.
async fn dead_letters(client: &Client, sink: Option<&str>) -> Option<u64> {
    let status = client.get(&["v1", "status"], &[]).await.ok()?;
    let queues = status["queues"].as_array()?.iter();
    let wanted = queues.filter(|queue| sink.is_none_or(|sink| queue["sink"] == sink));
    Some(wanted.filter_map(|queue| queue["dead"].as_u64()).sum())
}

fn render_list(letters: &[Value]) -> String {
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let mut table = Table::new(&["ID", "GIVEN UP", "SINK", "RULE", "ATTEMPTS", "REASON"]);
    for letter in letters {
        let attempts = attempts(letter);
        let last = attempts.last().unwrap_or(&Value::Null);
        table.row([
            field(letter, "/id"),
            field(last, "/at"),
            field(letter, "/sink"),
            field(letter, "/rule"),
            &attempts_made(letter),
            &shortened(field(last, "/detail")),
        ]);
    }
    table.render()
}

pub(crate) async fn show(args: DeadShowArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let Some(letter) = client.find(&["v1", "deliveries", &args.id]).await? else {
        bail!("no delivery {} is kept", args.id)
    };
    if args.output.json {
        return print_json(&letter);
    }
    print(&render_letter(&letter))
}

fn render_letter(letter: &Value) -> String {
    let mut text = format!(
        "{}: {}, for {}, by rule {}\n",
        field(letter, "/id"),
        field(letter, "/state"),
        field(letter, "/sink"),
        field(letter, "/rule"),
    );
    let _written = writeln!(text, "created {}", field(letter, "/created_at"));
    if letter["queued_at"] != letter["created_at"] {
        let _written = writeln!(text, "sent again {}", field(letter, "/queued_at"));
    }
    if letter["next_attempt_at"].is_string() {
        let _written = writeln!(text, "next attempt {}", field(letter, "/next_attempt_at"));
    }
    let messages = letter["message_ids"].as_array().into_iter().flatten();
    let messages: Vec<&str> = messages.filter_map(Value::as_str).collect();
    if !messages.is_empty() {
        let _written = writeln!(text, "messages: {}", messages.join(", "));
    }
    let kept = attempts(letter);
    if letter["attempts_made"].as_u64() > u64::try_from(kept.len()).ok() {
        let made = attempts_made(letter);
        let _written = writeln!(text, "attempts: {made}, of which {} are kept", kept.len());
    }
    let mut table = Table::new(&["ATTEMPT", "RESULT", "ANSWER"]);
    for attempt in kept {
        table.row([
            field(attempt, "/at"),
            field(attempt, "/result"),
            field(attempt, "/detail"),
        ]);
    }
    text.push('\n');
    text + &table.render()
}

pub(crate) async fn retry(args: DeadChoiceArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let ids = &args.choice.ids;
    if ids.is_empty() {
        let body = filter(&args.choice);
        let answer = client.post(&["v1", "deliveries", "retry"], &body).await?;
        return tell(args.output.json, &answer, "retried", "on their way again");
    }
    let mut done = Done::default();
    for id in ids {
        let path = ["v1", "deliveries", id.as_str(), "retry"];
        let answer = client.try_post(&path, &json!({})).await;
        done.note(id, answer.map(|answer| answer.is_some()))?;
    }
    done.tell(args.output.json, "retried", "on their way again")
}

pub(crate) async fn drop(args: DeadChoiceArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let ids = &args.choice.ids;
    if ids.is_empty() {
        let body = filter(&args.choice);
        let answer = client.post(&["v1", "deliveries", "drop"], &body).await?;
        return tell(args.output.json, &answer, "dropped", "dropped");
    }
    let mut done = Done::default();
    for id in ids {
        let path = ["v1", "deliveries", id.as_str()];
        done.note(id, client.delete(&path).await)?;
    }
    done.tell(args.output.json, "dropped", "dropped")
}

pub(crate) async fn replay(args: ReplayArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let mut body = json!({"sink": args.sink, "since": args.since, "state": "delivered"});
    if let Some(rule) = args.rule {
        body["rule"] = Value::String(rule);
    }
    let answer = client.post(&["v1", "deliveries", "retry"], &body).await?;
    tell(args.output.json, &answer, "retried", "on their way again")
}

/// What became of those that were named.
#[derive(Default)]
struct Done {
    count: u64,
    failed: Vec<(String, String)>,
}

impl Done {
    /// Notes whether the delivery called `id` was there. Whatever the service refuses is noted too;
    /// when it cannot be reached, nothing more is tried.
    fn note(&mut self, id: &str, answer: anyhow::Result<bool>) -> anyhow::Result<()> {
        let failed = match answer {
            Ok(true) => {
                self.count += 1;
                return Ok(());
            }
            Ok(false) => "it is not kept".to_owned(),
            Err(error) => match error.downcast::<Refused>() {
                Ok(refused) => refused.message,
                Err(error) => return Err(error),
            },
        };
        self.failed.push((id.to_owned(), failed));
        Ok(())
    }

    fn tell(self, is_json: bool, key: &str, what: &str) -> anyhow::Result<()> {
        if is_json {
            let failed = self.failed.iter();
            let failed: Map<_, _> = failed.map(|(id, why)| (id.clone(), json!(why))).collect();
            print_json(&json!({ key: self.count, "failed": failed }))?;
        } else {
            print(&format!("{} {what}\n", self.count))?;
        }
        if self.failed.is_empty() {
            return Ok(());
        }
        let failed = self.failed.iter().map(|(id, why)| format!("{id}: {why}"));
        bail!("{}", failed.collect::<Vec<_>>().join("\n"))
    }
}

fn tell(is_json: bool, answer: &Value, key: &str, what: &str) -> anyhow::Result<()> {
    if is_json {
        return print_json(answer);
    }
    print(&format!("{} {what}\n", answer[key]))
}

/// The body that names what a choice names.
fn filter(choice: &Choice) -> Value {
    let keys = [
        ("sink", &choice.sink),
        ("rule", &choice.rule),
        ("since", &choice.since),
    ];
    let mut body = Map::from_iter([("state".to_owned(), json!("dead"))]);
    for (key, value) in keys {
        if let Some(value) = value {
            body.insert(key.to_owned(), Value::String(value.clone()));
        }
    }
    Value::Object(body)
}

fn attempts(letter: &Value) -> &[Value] {
    let attempts = letter["attempts"].as_array();
    attempts.map(Vec::as_slice).unwrap_or_default()
}

fn shortened(reason: &str) -> String {
    if reason.chars().count() <= REASON {
        return reason.to_owned();
    }
    reason.chars().take(REASON).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Value {
        json!({
            "id": "dlv_1", "sink": "crm", "rule": "carrier-violation", "state": "dead",
            "message_ids": ["m1", "m2"], "next_attempt_at": null,
            "attempts_made": 2, "attempts": [
                {"at": "2026-05-01T10:28:51Z", "result": "retry", "detail": "it answered 503"},
                {"at": "2026-05-01T10:29:51Z", "result": "dead",
                    "detail": "it answered 422: the field `to` is missing"},
            ],
            "created_at": "2026-05-01T10:28:50Z", "queued_at": "2026-05-01T10:28:50Z",
        })
    }

    #[test]
    fn dead_letters_are_listed_with_their_reasons() {
        let mut long = letter();
        long["attempts"][1]["detail"] = Value::String("x".repeat(100));
        long["id"] = json!("dlv_2");
        long["attempts_made"] = json!(47);
        insta::assert_snapshot!(render_list(&[letter(), long]), @r"
        ID     GIVEN UP              SINK  RULE               ATTEMPTS  REASON
        dlv_1  2026-05-01T10:29:51Z  crm   carrier-violation  2         it answered 422: the field `to` is missing
        dlv_2  2026-05-01T10:29:51Z  crm   carrier-violation  47        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        ");
        insta::assert_snapshot!(render_list(&[]), @"no dead letters");
    }

    #[test]
    fn a_letter_is_shown_with_every_attempt() {
        insta::assert_snapshot!(render_letter(&letter()), @r"
        dlv_1: dead, for crm, by rule carrier-violation
        created 2026-05-01T10:28:50Z
        messages: m1, m2

        ATTEMPT               RESULT  ANSWER
        2026-05-01T10:28:51Z  retry   it answered 503
        2026-05-01T10:29:51Z  dead    it answered 422: the field `to` is missing
        ");
    }

    #[test]
    fn a_letter_says_how_many_attempts_there_were_in_all() {
        let mut long = letter();
        long["attempts_made"] = json!(47);
        let shown = render_letter(&long);
        let line = "\nattempts: 47, of which 2 are kept\n";
        assert!(shown.contains(line), "{shown}");
    }

    #[test]
    fn a_letter_that_was_sent_again_says_so() {
        let mut again = letter();
        again["state"] = json!("pending");
        again["queued_at"] = json!("2026-05-01T11:00:00Z");
        again["next_attempt_at"] = json!("2026-05-01T11:00:05Z");
        again["message_ids"] = json!([]);
        insta::assert_snapshot!(render_letter(&again), @r"
        dlv_1: pending, for crm, by rule carrier-violation
        created 2026-05-01T10:28:50Z
        sent again 2026-05-01T11:00:00Z
        next attempt 2026-05-01T11:00:05Z

        ATTEMPT               RESULT  ANSWER
        2026-05-01T10:28:51Z  retry   it answered 503
        2026-05-01T10:29:51Z  dead    it answered 422: the field `to` is missing
        ");
    }
}
