//! What takes too long, and what is told soon: stuck messages, polls that start late, groups that wait for their time.

use std::collections::BTreeMap;

use maud::html;
use serde_json::{Map, Value};
use smswatch_model::{Event, Timestamp};

use super::wrong::{Level, Wrong};
use crate::{link, matching, words};

/// How many messages or groups are shown; the others are counted.
const SHOWN: usize = 5;

/// How late polls may start before it is told, in seconds: the shortest gaps of a schedule are as long.
const LATE: u64 = 10;

/// The messages that are stuck.
#[derive(Debug, Clone, Default)]
pub struct Stuck {
    /// The event that told so of each, the latest first.
    pub events: Vec<Event>,
    /// Whether there may be more.
    pub is_cut: bool,
}

/// The groups that are about to be told.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    /// The next ones, the earliest first.
    pub next: Vec<Group>,
    /// How many there are.
    pub count: u64,
    /// Whether there may be more.
    pub is_cut: bool,
}

/// A group that is about to be told.
#[derive(Debug, Clone)]
pub struct Group {
    /// The rule.
    pub rule: String,
    /// The sink that is notified.
    pub sink: String,
    /// What its events share.
    pub values: BTreeMap<String, String>,
    /// How many events it has.
    pub events: u64,
    /// When it is told.
    pub due: Timestamp,
}

/// Messages that have no final status although it is time.
pub(super) fn stuck(stuck: &Stuck) -> Option<Wrong> {
    let since = stuck.events.iter().map(|event| event.detected_at).min()?;
    let count = u64::try_from(stuck.events.len()).unwrap_or(u64::MAX);
    let more = if stuck.is_cut { "at least " } else { "" };
    let what = words::count(
        count,
        "message has no final status",
        "messages have no final status",
    );
    let wrong = Wrong::new(Level::Warning, html! { (more) (what) " in time" });
    let wrong = wrong.since(Some(since));
    let wrong = stuck.events.iter().take(SHOWN).fold(wrong, |wrong, event| {
        let message = &event.message;
        wrong.fact(html! {
            @if let Some(id) = &message.message_id {
                a href=(link::path("/messages", id.as_str(), "")) { (words::line(id.as_str())) }
            }
            @for text in [&message.to, &message.operator].into_iter().flatten() { ", " (words::line(text)) }
        })
    });
    Some(wrong.look("All of them", "/messages?outcome=stuck".to_owned()))
}

/// Polls that start late, by seconds. That they are far too late is trouble of its own.
pub(super) fn late(seconds: Option<u64>, is_told: bool) -> Option<Wrong> {
    let seconds = seconds.filter(|seconds| *seconds >= LATE && !is_told)?;
    let wrong = Wrong::new(Level::Note, html! { "Polls start late" });
    Some(wrong.fact(html! {
        "one began " (words::span(seconds)) " after it was due: more is watched than "
        code { "routee.requests_per_second" } " allows to ask for, or the provider answers slowly"
    }))
}

/// Groups of events whose time has not come.
pub(super) fn groups(groups: &Groups, now: Timestamp) -> Option<Wrong> {
    if groups.next.is_empty() {
        return None;
    }
    let more = if groups.is_cut { "at least " } else { "" };
    let what = words::count(
        groups.count,
        "group is about to be told",
        "groups are about to be told",
    );
    let wrong = Wrong::new(Level::Note, html! { (more) (what) });
    let wrong = groups.next.iter().take(SHOWN).fold(wrong, |wrong, group| {
        wrong.fact(html! {
            a href=(link::query("/deliveries", [("rule", group.rule.as_str())])) { (words::line(&group.rule)) }
            " for " (words::line(&group.sink))
            @for (key, value) in &group.values { ", " (words::line(key)) " " strong { (words::line(value)) } }
            ": " a href=(messages(&group.values)) { (words::count(group.events, "event", "events")) }
            @if group.due <= now { ", now" } @else { ", in " (words::span(group.due.since(now).as_secs())) }
        })
    });
    let next = groups.next.first().map(silence).unwrap_or_default();
    let wrong = wrong.go("Silence the next one…", next);
    let shown = u64::try_from(SHOWN.min(groups.next.len())).unwrap_or(u64::MAX);
    Some(match groups.count.saturating_sub(shown) {
        0 => wrong,
        others => wrong.fact(html! { "and " (words::count(others, "other", "others")) }),
    })
}

/// The messages whose attributes these are, as far as a search can name them.
pub(super) fn messages(values: &BTreeMap<String, String>) -> String {
    link::query("/messages", fields(values).iter().map(borrowed))
}

/// What a search can name of the attributes by which a rule gathers or counts.
pub(super) fn fields(values: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let known = values.iter().filter_map(|(key, value)| match key.as_str() {
        "status" | "country" | "operator" | "from" | "label" => Some((key.clone(), value.clone())),
        key => Some((
            "tag".to_owned(),
            format!("{}={value}", key.strip_prefix("tags.")?),
        )),
    });
    known.collect()
}

pub(super) fn borrowed((key, value): &(String, String)) -> (&str, &str) {
    (key, value)
}

/// The form for a silence of what a group gathers.
fn silence(group: &Group) -> String {
    let mut matching = Map::from_iter([("rule".to_owned(), Value::from(group.rule.as_str()))]);
    // A value that begins like this would be a pattern.
    let values = group.values.iter();
    let values = values.filter(|(_, value)| !value.is_empty() && !value.starts_with(['!', '/']));
    matching.extend(values.map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    let matching = matching::write(&matching);
    link::query("/silences/new", [("match", matching.as_str())])
}
