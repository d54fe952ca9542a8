//! What a rule of a run wants, read from its text apart from the engine: which events it matches alone, and whom it
//! tells of them how.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use serde_json::{Value, json};
use smswatch_model::{Event, EventId, EventKind};
use smswatch_plugin::rules::{Rules as _, Told};
use smswatch_rules::RuleSet;

use crate::rule_set;

/// A rule, as the account of a run sees it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// The rule by itself, without anything that gathers or holds back: asked about single events.
    matcher: RuleSet,
    pub(super) sinks: Vec<String>,
    /// Whether rules below are not tried.
    pub(super) stops: bool,
    /// Whether it tells of each message once.
    pub(super) is_once: bool,
    pub(super) group: Option<GroupWanted>,
    /// How many notifications each sink gets at most in a run, if that is limited.
    pub(super) at_most: Option<usize>,
    /// The rate whose alert holds back what it matches.
    pub(super) unless_firing: Option<String>,
}

/// How a rule groups.
#[derive(Debug)]
pub(super) struct GroupWanted {
    by: Vec<String>,
    /// How many events a notification shows.
    pub(super) max: usize,
}

impl Wanted {
    /// All rules of a configuration, from top to bottom.
    ///
    /// # Errors
    ///
    /// One cannot be compiled by itself, or has something that the account knows nothing about.
    pub(super) fn all(rules: &[Value], sinks: &[&str]) -> anyhow::Result<Vec<Self>> {
        rules.iter().map(|rule| Self::read(rule, sinks)).collect()
    }

    fn read(rule: &Value, sinks: &[&str]) -> anyhow::Result<Self> {
        let name = rule["name"].as_str().context("a rule has a name")?;
        let group = rule.get("group").map(|group| GroupWanted {
            by: texts(&group["by"]),
            max: number(&group["max"]).unwrap_or(50),
        });
        Ok(Self {
            name: name.to_owned(),
            matcher: alone(rule, sinks).with_context(|| format!("the rule {name}"))?,
            sinks: texts(&rule["notify"]),
            stops: rule["stop"] == true,
            is_once: rule["once_per"] == "message",
            group,
            at_most: number(&rule["throttle"]["at_most"]),
            unless_firing: rule["unless_firing"].as_str().map(str::to_owned),
        })
    }

    /// Whether it matches an event, whatever was told before.
    fn matches(&self, event: &Event) -> bool {
        let matches = self
            .matcher
            .matches(std::slice::from_ref(event), &Told::default());
        !matches.is_empty()
    }

    /// Of a rate: whether it measures an event, and counts it.
    pub(super) fn measures(&self, event: &Event) -> Option<bool> {
        let measured = self.matcher.measured(event);
        measured.first().map(|measured| measured.counts)
    }
}

/// Which rules match which events, by their places from top to bottom; each event is tried once.
#[derive(Debug, Default)]
pub(super) struct Matching(HashMap<EventId, Vec<usize>>);

impl Matching {
    /// Tries the events that were not tried before.
    pub(super) fn extend(&mut self, rules: &[Wanted], events: &[Event]) {
        for event in events {
            let id = event.event_id.clone();
            self.0.entry(id).or_insert_with(|| {
                let rules = rules.iter().enumerate();
                let matching = rules.filter(|(_, rule)| rule.matches(event));
                matching.map(|(place, _)| place).collect()
            });
        }
    }

    /// The rules that match an event that was tried.
    pub(super) fn of(&self, event: &Event) -> &[usize] {
        self.0.get(&event.event_id).map_or(&[], Vec::as_slice)
    }
}

impl GroupWanted {
    /// The values that the group of an event shares.
    pub(super) fn of(&self, event: &Event) -> BTreeMap<String, String> {
        let values = self.by.iter();
        values
            .map(|key| (key.clone(), shared(event, key)))
            .collect()
    }
}

/// The value that an event has for a key by which rules of a run group; empty without one.
fn shared(event: &Event, key: &str) -> String {
    let message = &event.message;
    let value = match key {
        "from" => &message.from,
        "operator" => &message.operator,
        "country" => &message.country,
        "campaign" => &message.campaign,
        "application" => &message.application,
        _ => &None,
    };
    value.clone().unwrap_or_default()
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// One text, a list of them, or nothing.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The rule by itself, so that what other rules do and what was told before cannot matter.
fn alone(rule: &Value, sinks: &[&str]) -> anyhow::Result<RuleSet> {
    let mut rule = rule.clone();
    if let Some(keys) = rule.as_object_mut() {
        for key in [
            "group",
            "throttle",
            "once_per",
            "unless_firing",
            "stop",
            "template",
            "links",
        ] {
            keys.remove(key);
        }
    }
    let text = json!([rule]).to_string();
    let sinks: Vec<String> = sinks.iter().map(|name| (*name).to_owned()).collect();
    rule_set("a rule", &text, None, &sinks)
}

/// Whether an event is about an alert of the rate of this name.
pub(super) fn is_alert_of(event: &Event, rate: &str) -> bool {
    let about = event.about.as_ref();
    event.kind.is_of_rate() && about.is_some_and(|about| about.name == rate)
}

/// Whether an event tells that an alert began to fire, and was not told to do so before.
pub(super) fn begins(event: &Event) -> bool {
    event.kind == EventKind::AlertFiring && event.repeated.is_none()
}
