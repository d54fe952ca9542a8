//! A backtest as a person reads it.

use std::fmt::Write as _;
use std::path::Path;

use super::count::Busy;
use super::{Backtest, Row, Told};
use crate::commands::table::Table;
use crate::plain::plain;

/// What came of it, with `file` as the name of the rules that were tried.
pub(super) fn table(backtest: &Backtest, file: &Path) -> String {
    let Backtest {
        since,
        until,
        events,
        messages,
        items,
        sinks,
        silent,
        ..
    } = backtest;
    let mut text = String::new();
    let _written = writeln!(
        text,
        "{events} events of {messages} messages, from {since} to {until}\n"
    );
    let file = file.file_name().unwrap_or(file.as_os_str());
    let file = plain(&file.to_string_lossy());
    let mut table = Table::new(&["RULE", "SINK", "TODAY", &file, "CHANGE"]);
    let rows = items.iter().chain(sinks);
    for row in rows {
        table.row(cells(row));
    }
    text.push_str(&table.render());
    if !silent.is_empty() {
        let silent = plain(&silent.join(", "));
        let _written = writeln!(text, "\nnotified no one: {silent}");
    }
    let busy = sinks
        .iter()
        .filter_map(|row| Some((row, row.tried.busiest_hour?)));
    for (number, (row, busy)) in busy.enumerate() {
        let was = row.today.as_ref().and_then(|today| today.busiest_hour);
        let was = was.map_or_else(String::new, |was| {
            format!("; by today's rules {}", hour(was))
        });
        let gap = if number == 0 { "\n" } else { "" };
        let sink = plain(&row.sink);
        let _written = writeln!(text, "{gap}busiest hour of {sink}: {}{was}", hour(busy));
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let change = row.today.as_ref().map_or_else(
        || "-".to_owned(),
        |today| match i128::from(row.tried.notifications) - i128::from(today.notifications) {
            0 => "0".to_owned(),
            change => format!("{change:+}"),
        },
    );
    vec![
        row.rule.clone().unwrap_or_else(|| "all rules".to_owned()),
        row.sink.clone(),
        row.today.as_ref().map_or_else(|| "-".to_owned(), told),
        told(&row.tried),
        change,
    ]
}

/// `12`, or `12 (3 held back)`.
fn told(told: &Told) -> String {
    match told.held_back {
        0 => told.notifications.to_string(),
        held_back => format!("{} ({held_back} held back)", told.notifications),
    }
}

/// `12 notifications from 2026-05-01T10:00:00Z on`.
fn hour(busy: Busy) -> String {
    let plural = if busy.notifications == 1 { "" } else { "s" };
    let Busy { at, notifications } = busy;
    format!("{notifications} notification{plural} from {at} on")
}
