//! `smswatch dead list` and `dead show`: what could not be delivered, and why.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::Value;
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply, DeliveryState};
use smswatch_api::health::StatusReply;
use smswatch_plugin::model::MessageId;

use super::table::Table;
use super::{instant, or_dash, print, print_json, remark, shown_of};
use crate::cli::{DeadListArgs, DeadShowArgs};
use crate::client::{Client, read};

/// How many characters of a reason a list shows.
const REASON: usize = 80;

pub(crate) async fn list(args: DeadListArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let wanted = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut told: Vec<Value> = Vec::new();
    let mut query = DeliveriesQuery {
        state: Some(DeliveryState::Dead),
        sink: args.sink.clone(),
        rule: args.rule.clone(),
        since: args.since.clone(),
        ..DeliveriesQuery::default()
    };
    // A page may hold less than was asked for, even nothing, and not be the last.
    let is_all = loop {
        query.limit = Some((wanted - told.len()).to_string());
        let page = client.list(&["v1", "deliveries"], &query).await?;
        told.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() || told.len() >= wanted {
            break query.cursor.is_none();
        }
    };
    if let (Some(sink), true) = (&args.sink, told.is_empty()) {
        known(&client, sink).await?;
    }
    if args.call.output.json {
        return print_json(&told);
    }
    let letters: Vec<DeliveryReply> = told.iter().map(read).collect::<Result<_, _>>()?;
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
    let status: StatusReply = read(&client.get(&["v1", "status"]).await?)?;
    let parts = status.health.parts.keys();
    let names = parts.filter_map(|part| part.strip_prefix("sink:"));
    let configured: Vec<&str> = names.filter(|name| !name.contains('/')).collect();
    let mut queues = status.queues.iter();
    if configured.contains(&sink) || queues.any(|queue| queue.sink == sink) {
        return Ok(());
    }
    bail!(
        "{}",
        smswatch_core::no_such_sink(sink, configured.into_iter())
    )
}

/// How many dead letters there are, all of them or those of one sink.
async fn dead_letters(client: &Client, sink: Option<&str>) -> Option<u64> {
    let status: StatusReply = read(&client.get(&["v1", "status"]).await.ok()?).ok()?;
    let queues = status.queues.iter();
    let wanted = queues.filter(|queue| sink.is_none_or(|sink| queue.sink == sink));
    Some(wanted.map(|queue| queue.dead).sum())
}

fn render_list(letters: &[DeliveryReply]) -> String {
    if letters.is_empty() {
        return "no dead letters\n".to_owned();
    }
    let mut table = Table::new(&["ID", "GIVEN UP", "SINK", "RULE", "ATTEMPTS", "REASON"]);
    for letter in letters {
        let last = letter.attempts.last();
        table.row([
            letter.id.to_string(),
            instant(last.map(|last| last.at)),
            letter.sink.clone(),
            letter.rule.clone(),
            letter.attempts_made.to_string(),
            shortened(or_dash(last.map(|last| last.detail.as_str()))),
        ]);
    }
    table.render()
}

pub(crate) async fn show(args: DeadShowArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let Some(told) = client.find(&["v1", "deliveries", &args.id]).await? else {
        bail!("no delivery {} is kept", args.id)
    };
    if args.call.output.json {
        return print_json(&told);
    }
    print(&render_letter(&read(&told)?))
}

fn render_letter(letter: &DeliveryReply) -> String {
    let mut text = format!(
        "{}: {}, for {}, by rule {}\n",
        letter.id, letter.state, letter.sink, letter.rule,
    );
    let _written = writeln!(text, "created {}", letter.created_at);
    if letter.queued_at != letter.created_at {
        let _written = writeln!(text, "sent again {}", letter.queued_at);
    }
    if let Some(at) = letter.next_attempt_at {
        let _written = writeln!(text, "next attempt {at}");
    }
    let messages: Vec<&str> = letter.message_ids.iter().map(MessageId::as_str).collect();
    if !messages.is_empty() {
        let _written = writeln!(text, "messages: {}", messages.join(", "));
    }
    let (made, kept) = (letter.attempts_made, letter.attempts.len());
    if usize::try_from(made).is_ok_and(|made| made > kept) {
        let _written = writeln!(text, "attempts: {made}, of which {kept} are kept");
    }
    let mut table = Table::new(&["ATTEMPT", "RESULT", "ANSWER"]);
    for attempt in &letter.attempts {
        table.row([
            attempt.at.to_string(),
            attempt.result.clone(),
            attempt.detail.clone(),
        ]);
    }
    text.push('\n');
    text + &table.render()
}

fn shortened(reason: &str) -> String {
    if reason.chars().count() <= REASON {
        return reason.to_owned();
    }
    reason.chars().take(REASON).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn letter() -> DeliveryReply {
        let letter = json!({
            "id": "dlv_1", "sink": "crm", "rule": "carrier-violation", "state": "dead",
            "message_ids": ["m1", "m2"], "next_attempt_at": null,
            "attempts_made": 2, "attempts": [
                {"at": "2026-05-01T10:28:51Z", "result": "retry", "detail": "it answered 503"},
                {"at": "2026-05-01T10:29:51Z", "result": "dead",
                    "detail": "it answered 422: the field `to` is missing"},
            ],
            "created_at": "2026-05-01T10:28:50Z", "queued_at": "2026-05-01T10:28:50Z",
        });
        serde_json::from_value(letter).expect("a delivery")
    }

    #[test]
    fn dead_letters_are_listed_with_their_reasons() {
        let mut long = letter();
        long.attempts[1].detail = "x".repeat(100);
        long.id = "dlv_2".parse().expect("an id");
        long.attempts_made = 47;
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
        long.attempts_made = 47;
        let shown = render_letter(&long);
        let line = "\nattempts: 47, of which 2 are kept\n";
        assert!(shown.contains(line), "{shown}");
    }

    #[test]
    fn a_letter_that_was_sent_again_says_so() {
        let mut again = letter();
        again.state = DeliveryState::Pending;
        again.queued_at = "2026-05-01T11:00:00Z".parse().expect("an instant");
        again.next_attempt_at = Some("2026-05-01T11:00:05Z".parse().expect("an instant"));
        again.message_ids.clear();
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
