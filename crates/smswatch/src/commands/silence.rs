//! `smswatch silence add`, `list` and `end`: what is not told for a while.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::{Map, Value, json};
use smswatch_api::list::ListReply;
use smswatch_api::silences::{
    ProposalQuery, ProposalReply, SilenceReply, SilenceRequest, SilenceState, SilencesQuery,
};

use super::table::Table;
use super::{or_dash, print, print_json, remark};
use crate::cli::{SilenceAddArgs, SilenceEndArgs, SilenceListArgs};
use crate::client::{Client, read};
use crate::plain::plain;
use crate::report::WrongUsage;

/// How many silences a page of the list has.
const PAGE: usize = 1000;

pub(crate) async fn add(args: SilenceAddArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let mut matching = match &args.from {
        Some(id) => proposed(&client, id).await?,
        None => Map::new(),
    };
    matching.extend(conditions(&args.matching)?);
    if args.from.is_some() && !args.yes {
        if args.call.output.json {
            return print_json(&json!({ "match": matching }));
        }
        print(&format!("match: {}\n", words(&matching)))?;
        remark("`--yes` makes this silence; `--match` changes a key of it");
        return Ok(());
    }
    let Some(until) = args.duration.or(args.until) else {
        return Err(
            WrongUsage::new("every silence ends: add `--for 2h`, or `--until WHEN`").into(),
        );
    };
    let request = SilenceRequest {
        matching,
        everything: args.everything,
        until: Some(until),
        comment: args.comment,
        author: args.author.unwrap_or_else(user),
    };
    let told = client.post(&["v1", "silences"], &request).await?;
    if args.call.output.json {
        return print_json(&told);
    }
    let silence: SilenceReply = read(&told)?;
    for warning in &silence.warnings {
        remark(&format!("warning: {}", plain(warning)));
    }
    print(&format!("{}: silent until {}\n", silence.id, silence.until))
}

/// What a silence of this delivery's like would match.
async fn proposed(client: &Client, id: &str) -> anyhow::Result<Map<String, Value>> {
    let query = ProposalQuery {
        delivery_id: id.to_owned(),
    };
    let told = client
        .query(&["v1", "silences", "proposal"], &query)
        .await?;
    let Some(told) = told else {
        bail!("no delivery {id} is kept")
    };
    Ok(read::<ProposalReply>(&told)?.matching)
}

/// The conditions as JSON: `true` and `false` are flags, and a key that is given twice has a list.
fn conditions(pairs: &[(String, String)]) -> anyhow::Result<Map<String, Value>> {
    let mut matching: Map<String, Value> = Map::new();
    for (key, text) in pairs {
        let value = match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => json!(text),
        };
        match matching.get_mut(key) {
            None => {
                matching.insert(key.clone(), value);
            }
            Some(Value::Array(items)) if value.is_string() => items.push(value),
            Some(first) if first.is_string() && value.is_string() => {
                *first = json!([first.clone(), value]);
            }
            Some(_) => {
                let message = format!("`--match {key}` is given twice, with true or false");
                return Err(WrongUsage::new(message).into());
            }
        }
    }
    Ok(matching)
}

/// Who types.
fn user() -> String {
    let names = ["USER", "LOGNAME"];
    let mut names = names.into_iter().filter_map(crate::environment::variable);
    names.next().unwrap_or_default()
}

pub(crate) async fn list(args: SilenceListArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let query = SilencesQuery {
        limit: Some(PAGE.to_string()),
        ..SilencesQuery::default()
    };
    let list: ListReply<Value> = client.list(&["v1", "silences"], &query).await?;
    let (mut silences, mut shown): (Vec<SilenceReply>, Vec<Value>) = (Vec::new(), Vec::new());
    for told in list.items {
        let silence: SilenceReply = read(&told)?;
        if args.all || silence.state == SilenceState::Active {
            silences.push(silence);
            shown.push(told);
        }
    }
    if args.call.output.json {
        return print_json(&json!(shown));
    }
    print(&render(&silences))
}

fn render(silences: &[SilenceReply]) -> String {
    if silences.is_empty() {
        return "nothing is silenced\n".to_owned();
    }
    let mut table = Table::new(&[
        "ID",
        "STATE",
        "UNTIL",
        "HELD BACK",
        "MATCH",
        "AUTHOR",
        "COMMENT",
    ]);
    for silence in silences {
        let held_back = silence.held_back.map(|count| count.to_string());
        table.row([
            silence.id.as_str(),
            silence.state.as_str(),
            &silence.until.to_string(),
            or_dash(held_back.as_deref()),
            &words(&silence.matching),
            or_dash(Some(&silence.author)),
            or_dash(Some(&silence.comment)),
        ]);
    }
    table.render()
}

/// What a silence matches, as it is typed: `country=GR status=Undelivered|Failed`.
fn words(matching: &Map<String, Value>) -> String {
    if matching.is_empty() {
        return "everything".to_owned();
    }
    let mut words = String::new();
    for (key, value) in matching {
        let between = if words.is_empty() { "" } else { " " };
        let _written = write!(words, "{between}{key}={}", value_words(value));
    }
    plain(&words)
}

fn value_words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains(' ') => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(value_words).collect();
            items.join("|")
        }
        other => other.to_string(),
    }
}

pub(crate) async fn end(args: SilenceEndArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    if !client.delete(&["v1", "silences", &args.id]).await? {
        bail!(
            "no silence {} is kept; `smswatch silence list` shows them",
            args.id
        )
    }
    if args.call.output.json {
        return print_json(&json!({ "ended": args.id }));
    }
    print(&format!(
        "{}: ended; what it held back is not sent\n",
        args.id
    ))
}

/// Why a delivery was held back, in a line; `None` if no silence did.
pub(super) fn because(reason: &str, silences: &[SilenceReply]) -> Option<String> {
    let id = reason.strip_prefix("silence:")?;
    let silence = silences.iter().find(|silence| silence.id == id)?;
    let mut line = format!("silence {id}");
    if !silence.author.is_empty() {
        let _written = write!(line, " by {}", silence.author);
    }
    let _written = write!(line, ", {} to {}", silence.created_at, silence.until);
    if !silence.comment.is_empty() {
        let _written = write!(line, ": {}", silence.comment);
    }
    Some(plain(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(value: Value) -> SilenceReply {
        serde_json::from_value(value).expect("a silence")
    }

    fn silences() -> [SilenceReply; 2] {
        [
            silence(json!({
                "id": "maintenance:weekly", "state": "active", "source": "configuration",
                "match": {}, "until": "2026-05-03T01:00:00Z", "created_at": "2026-05-02T23:00:00Z",
                "held_back": null,
            })),
            silence(json!({
                "id": "sil_0123456789ab", "state": "ended", "source": "api",
                "match": {"country": "GR", "status": ["Undelivered", "Network Error"], "final": true},
                "until": "2026-05-01T12:00:00Z", "created_at": "2026-05-01T10:00:00Z",
                "author": "ann", "comment": "the carrier works on it", "held_back": 12,
            })),
        ]
    }

    #[test]
    fn silences_are_listed_with_what_they_match_and_why() {
        insta::assert_snapshot!(render(&silences()), @r#"
        ID                  STATE   UNTIL                 HELD BACK  MATCH                                                     AUTHOR  COMMENT
        maintenance:weekly  active  2026-05-03T01:00:00Z  -          everything                                                -       -
        sil_0123456789ab    ended   2026-05-01T12:00:00Z  12         country=GR status=Undelivered|"Network Error" final=true  ann     the carrier works on it
        "#);
        insta::assert_snapshot!(render(&[]), @"nothing is silenced");
    }

    #[test]
    fn a_delivery_says_by_which_silence_it_was_held_back() {
        let silences = silences();
        let line = because("silence:sil_0123456789ab", &silences);
        insta::assert_snapshot!(line.expect("it is kept"), @"silence sil_0123456789ab by ann, 2026-05-01T10:00:00Z to 2026-05-01T12:00:00Z: the carrier works on it");
        assert_eq!(because("silence:sil_gone", &silences), None);
        assert_eq!(because("throttle", &silences), None);
    }

    #[test]
    fn conditions_are_typed_one_by_one() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let typed = pairs(&[
            ("status", "Undelivered"),
            ("country", "GR"),
            ("status", "Failed"),
            ("final", "true"),
        ]);
        let matching = conditions(&typed).expect("they can be read");
        let expected = json!({
            "status": ["Undelivered", "Failed"], "country": "GR", "final": true,
        });
        assert_eq!(Value::Object(matching), expected);
        assert!(conditions(&pairs(&[("final", "true"), ("final", "false")])).is_err());
    }
}
