//! `smswatch show`: one message, what happened to it, and why who was notified.

mod story;

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::Value;

use super::table::Table;
use super::{attempts_made, field, print, print_json};
use crate::cli::ShowArgs;
use crate::client::Client;
use crate::plain::plain;

pub(super) use self::story::summary;

pub(crate) async fn show(args: ShowArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let found = client
        .find(&["v1", "watches", &args.id, "timeline"])
        .await?;
    let Some(timeline) = found else {
        bail!("{} is not watched", args.id)
    };
    if args.output.json {
        return print_json(&timeline);
    }
    print(&render(&timeline, args.all))
}

/// The whole answer; `all` shows rules about other kinds of events, too.
fn render(timeline: &Value, all: bool) -> String {
    let watch = &timeline["watch"];
    let mut text = format!("{}: {}\n", field(watch, "/message_id"), state(watch));
    let mut line = |label: &str, value: &str| {
        let _written = writeln!(text, "  {label:<11}{}", plain(value));
    };
    line("registered", field(watch, "/registered_at"));
    if let Some(at) = watch["next_poll_at"].as_str() {
        match field(watch, "/state") {
            "watching" => line("next poll", at),
            _ => line("next poll", &format!("{at}, the last one")),
        }
    }
    if let Some(polls) = watch.pointer("/trouble/polls").and_then(Value::as_u64) {
        let what = field(watch, "/trouble/message");
        let since = field(watch, "/trouble/since");
        let plural = if polls == 1 { "" } else { "s" };
        let polls = format!("{polls} poll{plural}");
        line("trouble", &format!("{what} ({polls} since {since})"));
    }
    if let Some(people) = people(timeline) {
        line("sent", &people);
    }
    let tags = watch["tags"].as_object().into_iter().flatten();
    let tags: Vec<_> = tags
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("-")))
        .collect();
    if !tags.is_empty() {
        line("tags", &tags.join(", "));
    }
    parts(&mut text, watch);
    story::tell(&mut text, timeline, all);
    section(&mut text, "Deliveries", &deliveries(timeline));
    text
}

/// `watching`, `final, delivered`, `gave up: no final status`.
fn state(watch: &Value) -> String {
    match (field(watch, "/state"), field(watch, "/outcome")) {
        ("watching", _) => "watching".to_owned(),
        ("gave_up", _) => "gave up: no final status".to_owned(),
        ("not_found", _) => "not known to the provider".to_owned(),
        (state, outcome) => format!("{state}, {outcome}"),
    }
}

/// From whom to whom, as the newest event knows it.
fn people(timeline: &Value) -> Option<String> {
    let newest = timeline["events"].as_array()?.last()?;
    let message = &newest["event"]["message"];
    let word = |name: &str| message[name].as_str().filter(|word| !word.is_empty());
    let from = word("from").map(|from| format!("from {from}"));
    let place = [word("country"), word("operator")];
    let place: Vec<&str> = place.into_iter().flatten().collect();
    let place = (!place.is_empty()).then(|| format!("({})", place.join(", ")));
    let to = word("to").map(|to| format!("to {to}"));
    let words: Vec<String> = [from, to, place].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn section(text: &mut String, heading: &str, table: &Table) {
    let _written = writeln!(text, "\n{heading}");
    if table.is_empty() {
        text.push_str("  none\n");
    } else {
        for line in table.render().lines() {
            let _written = writeln!(text, "  {line}");
        }
    }
}

/// A table of the parts; what is the same for all of several is said once, above it.
fn parts(text: &mut String, watch: &Value) {
    const COLUMNS: [(&str, &str); 3] = [
        ("STATUS", "/status"),
        ("DETAIL", "/detailed_status"),
        ("SINCE", "/date"),
    ];
    let parts = watch["parts"].as_array().map(Vec::as_slice);
    let parts = parts.unwrap_or_default();
    let is_shared = |pointer: &str| {
        let mut values = parts.iter().map(|part| field(part, pointer));
        let first = values.next();
        parts.len() > 1 && values.all(|value| Some(value) == first)
    };
    let (shared, own): (Vec<_>, Vec<_>) = COLUMNS
        .into_iter()
        .partition(|(_, pointer)| is_shared(pointer));
    let mut headings = vec!["PART"];
    headings.extend(own.iter().map(|(heading, _)| *heading));
    headings.push("SMS ID");
    let mut table = Table::new(&headings);
    for part in parts {
        let number = part["number"].as_u64();
        let mut cells = vec![number.map_or("-".to_owned(), |number| number.to_string())];
        cells.extend(
            own.iter()
                .map(|(_, pointer)| field(part, pointer).to_owned()),
        );
        cells.push(field(part, "/sms_id").to_owned());
        table.row(cells);
    }
    let told: Vec<String> = shared
        .iter()
        .filter(|(_, pointer)| field(&parts[0], pointer) != "-")
        .map(|(heading, pointer)| match *heading {
            "SINCE" => format!("since {}", field(&parts[0], pointer)),
            _ => field(&parts[0], pointer).to_owned(),
        })
        .collect();
    let heading = match told.is_empty() {
        true => "Parts".to_owned(),
        false => format!("Parts, all {}: {}", parts.len(), plain(&told.join(", "))),
    };
    section(text, &heading, &table);
}

fn deliveries(timeline: &Value) -> Table {
    let mut table = Table::new(&["SINK", "RULE", "STATE", "ATTEMPTS", "LAST ANSWER", "ID"]);
    let all = timeline["deliveries"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    for delivery in all {
        let attempts = delivery["attempts"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let last = attempts
            .last()
            .map_or("-", |attempt| field(attempt, "/detail"));
        table.row([
            &sink(delivery, all),
            field(delivery, "/rule"),
            field(delivery, "/state"),
            &attempts_made(delivery),
            last,
            field(delivery, "/id"),
        ]);
    }
    table
}

/// Where a delivery goes, and in whose place: `ops-mail, instead of pager, which is down`.
fn sink(delivery: &Value, all: &[Value]) -> String {
    let sink = field(delivery, "/sink");
    let Some(other) = delivery["instead_of"].as_str() else {
        return sink.to_owned();
    };
    let is_first = |first: &&Value| {
        first["sink"] == other && first["rule"] == delivery["rule"] && first["id"] != delivery["id"]
    };
    // What waited for too long went elsewhere as well; it stays where it is until its sink works again.
    let why = match all
        .iter()
        .rev()
        .find(is_first)
        .map(|first| field(first, "/state"))
    {
        Some("pending") => ", which is down",
        Some("delivered") => ", which was down",
        Some("dead") => ", which did not take it",
        _ => "",
    };
    format!("{sink}, instead of {other}{why}")
}

#[cfg(test)]
mod tests;
