//! `smswatch show`: one message, what happened to it, and why who was notified; or one campaign.

mod campaign;
mod story;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;
use smswatch_api::deliveries::{DeliveryReply, DeliveryState};
use smswatch_api::events::EventView;
use smswatch_api::watches::{PartReply, TimelineReply, WatchReply, WatchState};

use super::silence;
use super::table::Table;
use super::{or_dash, print, print_json};
use crate::cli::ShowArgs;
use crate::client::{Client, read};
use crate::plain::plain;

pub(crate) use self::story::{summary, verdict_lines};

/// What is said of a watch that the service cannot read.
const UNREADABLE: &str =
    "this version of smswatch cannot read the watch; what is shown is what its newest event told";

/// All that is known of one message, whichever version tells it.
type Timeline = TimelineReply<EventView>;

pub(crate) async fn show(args: ShowArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.call.service)?;
    let found = client
        .find(&["v1", "watches", &args.id, "timeline"])
        .await?;
    let Some(told) = found else {
        let Some(told) = client.find(&["v1", "watches", &args.id]).await? else {
            bail!("{} is not watched", args.id)
        };
        return match args.call.output.json {
            true => print_json(&told),
            false => print(&campaign::render(&read(&told)?)),
        };
    };
    if args.call.output.json {
        return print_json(&told);
    }
    print(&render(&read(&told)?, args.all))
}

/// The whole answer; `all` shows rules about other kinds of events, too.
fn render(timeline: &Timeline, all: bool) -> String {
    let watch = &timeline.watch;
    let mut text = format!("{}: {}\n", watch.message_id, state(watch));
    let mut line = |label: &str, value: &str| {
        let _written = writeln!(text, "  {label:<11}{}", plain(value));
    };
    if watch.unreadable {
        line("unreadable", UNREADABLE);
    }
    if timeline.unreadable > 0 {
        let what = "log entries about it cannot be read by this version of smswatch";
        line("missing", &format!("{} {what}", timeline.unreadable));
    }
    if let Some(at) = watch.registered_at {
        line("registered", &at.to_string());
    }
    if let Some(at) = watch.next_poll_at {
        match watch.state {
            WatchState::Watching => line("next poll", &at.to_string()),
            _ => line("next poll", &format!("{at}, the last one")),
        }
    }
    if let Some(trouble) = &watch.trouble {
        let (what, polls, since) = (&trouble.message, trouble.polls, trouble.since);
        let plural = if polls == 1 { "" } else { "s" };
        line(
            "trouble",
            &format!("{what} ({polls} poll{plural} since {since})"),
        );
    }
    if let Some(people) = people(timeline) {
        line("sent", &people);
    }
    let tags = watch.tags.iter();
    let tags: Vec<_> = tags
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !tags.is_empty() {
        line("tags", &tags.join(", "));
    }
    parts(&mut text, &watch.parts);
    story::write(&mut text, &timeline.events, all);
    section(&mut text, "Deliveries", &deliveries(&timeline.deliveries));
    let held_back = silences(timeline);
    if !held_back.is_empty() {
        let _written = writeln!(text, "\nHeld back by\n  {}", held_back.join("\n  "));
    }
    text
}

/// The silences that held back a delivery, each once.
fn silences(timeline: &Timeline) -> Vec<String> {
    let held_back = timeline
        .deliveries
        .iter()
        .filter(|delivery| delivery.state == DeliveryState::Suppressed);
    let reasons = held_back.filter_map(|delivery| delivery.reason.as_deref());
    let reasons: BTreeSet<&str> = reasons.collect();
    let lines = reasons.into_iter();
    lines
        .filter_map(|reason| silence::because(reason, &timeline.silences))
        .collect()
}

/// `watching`, `final, delivered`, `gave up: no final status`.
fn state(watch: &WatchReply) -> String {
    match &watch.state {
        WatchState::Watching => "watching".to_owned(),
        WatchState::GaveUp => "gave up: no final status".to_owned(),
        WatchState::NotFound => "not known to the provider".to_owned(),
        state @ (WatchState::Final | WatchState::Other(_)) => {
            format!("{state}, {}", watch.outcome)
        }
    }
}

/// From whom to whom, as the newest event knows it.
fn people(timeline: &Timeline) -> Option<String> {
    let message = &timeline.events.last()?.event.message;
    let word = |word: &'_ Option<String>| word.clone().filter(|word| !word.is_empty());
    let from = word(&message.from).map(|from| format!("from {from}"));
    let place = [word(&message.country), word(&message.operator)];
    let place: Vec<String> = place.into_iter().flatten().collect();
    let place = (!place.is_empty()).then(|| format!("({})", place.join(", ")));
    let to = word(&message.to).map(|to| format!("to {to}"));
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

/// What a column shows of a part.
type Cell = fn(&PartReply) -> String;

/// A table of the parts; what is the same for all of several is said once, above it.
fn parts(text: &mut String, parts: &[PartReply]) {
    const COLUMNS: [(&str, Cell); 3] = [
        ("STATUS", |part| part.status.clone()),
        ("DETAIL", |part| {
            or_dash(part.detailed_status.as_deref()).to_owned()
        }),
        ("SINCE", |part| part.date.to_string()),
    ];
    let is_shared = |cell: &Cell| {
        let mut cells = parts.iter().map(cell);
        let first = cells.next();
        parts.len() > 1 && cells.all(|cell| Some(cell) == first)
    };
    let (shared, own): (Vec<_>, Vec<_>) =
        COLUMNS.into_iter().partition(|(_, cell)| is_shared(cell));
    let mut headings = vec!["PART"];
    headings.extend(own.iter().map(|(heading, _)| *heading));
    headings.push("SMS ID");
    let mut table = Table::new(&headings);
    for part in parts {
        let number = part.number;
        let mut cells = vec![number.map_or("-".to_owned(), |number| number.to_string())];
        cells.extend(own.iter().map(|(_, cell)| cell(part)));
        cells.push(part.sms_id.to_string());
        table.row(cells);
    }
    let told = shared
        .iter()
        .map(|(heading, cell)| (*heading, cell(&parts[0])));
    let told: Vec<String> = told
        .filter(|(_, cell)| cell != "-")
        .map(|(heading, cell)| match heading {
            "SINCE" => format!("since {cell}"),
            _ => cell,
        })
        .collect();
    let heading = match told.is_empty() {
        true => "Parts".to_owned(),
        false => format!("Parts, all {}: {}", parts.len(), plain(&told.join(", "))),
    };
    section(text, &heading, &table);
}

fn deliveries(all: &[DeliveryReply]) -> Table {
    let mut table = Table::new(&["SINK", "RULE", "STATE", "ATTEMPTS", "LAST ANSWER", "ID"]);
    for delivery in all {
        let last = delivery.attempts.last();
        table.row([
            &sink(delivery, all),
            &delivery.rule,
            delivery.state.as_str(),
            &delivery.attempts_made.to_string(),
            or_dash(last.map(|attempt| attempt.detail.as_str())),
            delivery.id.as_str(),
        ]);
    }
    table
}

/// Where a delivery goes, and in whose place: `ops-mail, instead of pager, which is down`.
fn sink(delivery: &DeliveryReply, all: &[DeliveryReply]) -> String {
    let sink = &delivery.sink;
    let Some(other) = &delivery.instead_of else {
        return sink.clone();
    };
    let is_first = |first: &&DeliveryReply| {
        first.sink == *other && first.rule == delivery.rule && first.id != delivery.id
    };
    // What waited for too long went elsewhere as well; it stays where it is until its sink works again.
    let first = all.iter().rev().find(is_first);
    let why = match first.map(|first| &first.state) {
        Some(DeliveryState::Pending) => ", which is down",
        Some(DeliveryState::Delivered) => ", which was down",
        Some(DeliveryState::Dead) => ", which did not take it",
        _ => "",
    };
    format!("{sink}, instead of {other}{why}")
}

#[cfg(test)]
mod tests;
