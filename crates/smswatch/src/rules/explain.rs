//! `smswatch rules explain`: what each rule makes of an event.

use std::fmt::Write as _;

use serde::Serialize;
use smswatch_api::events::EventView;
use smswatch_api::watches::RuleVerdictReply;
use smswatch_core::preview::{self, Preview};
use smswatch_plugin::model::{Event, Link};
use smswatch_plugin::rules::{Rules, Told};

use super::event_file;
use crate::cli::ExplainArgs;
use crate::commands::show::{summary, verdict_lines};
use crate::output::{print, print_json, remark};
use crate::plain::plain;
use crate::report::Failure;
use crate::settings;
use crate::sink_types::SinkTypes;

/// An event, and what the rules make of it.
#[derive(Debug, Serialize)]
struct Explained {
    event: Event,
    rules: Vec<RuleVerdictReply>,
    notifications: Vec<Words>,
}

/// Who would be notified, and in which words.
#[derive(Debug, PartialEq, Serialize)]
struct Words {
    rule: String,
    sink: String,
    severity: &'static str,
    title: String,
    text: String,
    links: Vec<Link>,
}

pub(crate) fn explain(types: &SinkTypes, args: &ExplainArgs) -> Result<(), Failure> {
    let loaded = settings::load(types, args.config.config.as_deref())?;
    loaded.warn();
    let configuration = &loaded.configuration;
    let faults = &configuration.settings.watch.faults;
    let found = event_file::read(&args.event, &configuration.privacy, faults)
        .map_err(anyhow::Error::from)?;
    for ignored in &found.remarks {
        remark(&format!("warning: {}", plain(ignored)));
    }
    let rules = &loaded.configuration.rules;
    let events = found.events.into_iter();
    let explained: Vec<_> = events.map(|event| explained(rules, event)).collect();
    if args.output.json {
        return Ok(print_json(&serde_json::json!({ "items": explained }))?);
    }
    Ok(print(&render(&explained, args.all))?)
}

fn explained(rules: &dyn Rules, event: Event) -> Explained {
    let told = Told::default();
    let verdicts = rules.explain(&event, &told).into_iter();
    let verdicts = verdicts.map(|verdict| RuleVerdictReply {
        rule: verdict.rule,
        fired: verdict.fired,
        other_kind: verdict.is_about_others,
        because: verdict.because,
    });
    let verdicts = verdicts.collect();
    // Events with `backfill` are never routed.
    let routed = match event.backfill {
        true => Vec::new(),
        false => vec![event.clone()],
    };
    let notifications = preview::notifications(rules, &routed, &told, event.detected_at);
    Explained {
        event,
        rules: verdicts,
        notifications: notifications.into_iter().map(Words::from).collect(),
    }
}

impl Words {
    /// Whether a rule says the same to both destinations.
    fn is_like(&self, other: &Self) -> bool {
        let said = |words: &Self| (words.rule.clone(), words.title.clone(), words.text.clone());
        said(self) == said(other)
    }
}

impl From<Preview> for Words {
    fn from(preview: Preview) -> Self {
        let notification = preview.notification;
        Self {
            rule: notification.rule,
            sink: preview.sink,
            severity: notification.severity.as_str(),
            title: notification.title,
            text: notification.text,
            links: notification.links,
        }
    }
}

fn render(explained: &[Explained], all: bool) -> String {
    let mut text = String::new();
    for (
        place,
        Explained {
            event,
            rules,
            notifications,
        },
    ) in explained.iter().enumerate()
    {
        if place > 0 {
            text.push('\n');
        }
        let mut line = |indent: &str, line: &str| {
            let _written = writeln!(text, "{indent}{}", plain(line));
        };
        let id = event.message.message_id.as_ref();
        let id = id.map_or_else(String::new, |id| format!("{id}: "));
        line("", &format!("{id}{}", summary(&view(event))));
        let lines = verdict_lines(rules, all);
        if rules.is_empty() {
            line("  ", "there are no rules");
        } else if lines.is_empty() {
            line(
                "  ",
                "all rules are about other kinds of events; `--all` shows them",
            );
        }
        for verdict in lines {
            line("  ", &verdict);
        }
        // A rule mostly says the same to all of its sinks.
        let mut said: Option<&Words> = None;
        for told in notifications {
            if said.is_some_and(|said| said.is_like(told)) {
                continue;
            }
            said = Some(told);
            let is_alike = |other: &Words| other.rule != told.rule || other.is_like(told);
            let whom = match notifications.iter().all(is_alike) {
                true => String::new(),
                false => format!(" to {}", told.sink),
            };
            line("", "");
            let Words {
                rule,
                severity,
                title,
                ..
            } = told;
            line("", &format!("{rule} says{whom} ({severity}): {title}"));
            for told in told.text.lines() {
                line("    ", told);
            }
            for link in &told.links {
                line("    ", &format!("{}: {}", link.title, link.url));
            }
        }
    }
    text
}

/// An event as those see it who only show it.
fn view(event: &Event) -> EventView {
    let written = serde_json::to_value(event);
    let view = written.and_then(serde_json::from_value);
    view.expect("what is shown of an event is a part of it")
}
