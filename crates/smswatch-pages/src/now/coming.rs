//! What takes too long, and what comes soon: stuck messages, polls that start late, groups that wait for their time.

use std::collections::BTreeMap;

use maud::html;
use serde_json::{Map, Value};
use smswatch_api::groups::GroupReply;
use smswatch_api::list::ExcerptReply;
use smswatch_model::{Event, Timestamp};

use super::wrong::{Level, Wrong};
use crate::{link, matching, words};

/// How many messages or groups are shown; the others are counted.
const SHOWN: usize = 5;

/// How late polls may start before they are shown, in seconds: about the shortest gap of a schedule.
const LATE: u64 = 10;

/// Messages that should have a final status by now.
pub(super) fn stuck(stuck: &ExcerptReply<Event>) -> Option<Wrong> {
    let since = stuck.items.iter().map(|event| event.detected_at).min()?;
    let count = u64::try_from(stuck.items.len()).unwrap_or(u64::MAX);
    let more = if stuck.more { "at least " } else { "" };
    let what = words::count(
        count,
        "message has no final status",
        "messages have no final status",
    );
    let wrong = Wrong::new(Level::Warning, html! { (more) (what) " in time" });
    let wrong = wrong.since(Some(since));
    let wrong = stuck.items.iter().take(SHOWN).fold(wrong, |wrong, event| {
        let message = &event.message;
        wrong.fact(html! {
            @if let Some(id) = &message.message_id {
                a href=(link::path("/messages", id.as_str(), "")) { (words::line(id.as_str())) }
            }
            @for text in [&message.to, &message.operator].into_iter().flatten() { ", " (words::line(text)) }
        })
    });
    Some(wrong.link("All of them", "/messages?outcome=stuck".to_owned()))
}

/// Polls that start late, by seconds. Polls that are far too late are shown as trouble already.
pub(super) fn late(seconds: Option<u64>, is_told: bool) -> Option<Wrong> {
    let seconds = seconds.filter(|seconds| *seconds >= LATE && !is_told)?;
    let wrong = Wrong::new(Level::Note, html! { "Polls start late" });
    Some(wrong.fact(html! {
        "one began " (words::span(seconds)) " after it was due: more is watched than "
        code { "routee.requests_per_second" } " allows, or the provider answers slowly"
    }))
}

/// Groups of events whose time has not come.
pub(super) fn groups(groups: &ExcerptReply<GroupReply>, now: Timestamp) -> Option<Wrong> {
    if groups.items.is_empty() {
        return None;
    }
    let count = u64::try_from(groups.items.len()).unwrap_or(u64::MAX);
    let more = if groups.more { "at least " } else { "" };
    let what = words::count(count, "group waits to be sent", "groups wait to be sent");
    let wrong = Wrong::new(Level::Note, html! { (more) (what) });
    let wrong = groups.items.iter().take(SHOWN).fold(wrong, |wrong, group| {
        wrong.fact(html! {
            a href=(link::query("/deliveries", [("rule", group.rule.as_str())])) { (words::line(&group.rule)) }
            " for " (words::line(&group.sink))
            @for (key, value) in &group.group { ", " (words::line(key)) " " strong { (words::line(value)) } }
            ": " a href=(messages(&group.group)) { (words::count(group.events, "event", "events")) }
            @if group.next_notification_at <= now { ", now" } @else { ", in " (words::span(group.next_notification_at.since(now).as_secs())) }
        })
    });
    let next = groups.items.first().map(silence).unwrap_or_default();
    let wrong = wrong.go("Silence the next one…", next);
    let shown = u64::try_from(SHOWN.min(groups.items.len())).unwrap_or(u64::MAX);
    Some(match count.saturating_sub(shown) {
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
fn silence(group: &GroupReply) -> String {
    let mut matching = Map::from_iter([("rule".to_owned(), Value::from(group.rule.as_str()))]);
    // A value that begins like this would be a pattern.
    let values = group.group.iter();
    let values = values.filter(|(_, value)| !value.is_empty() && !value.starts_with(['!', '/']));
    matching.extend(values.map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    let matching = matching::write(&matching);
    link::query("/silences/new", [("match", matching.as_str())])
}
