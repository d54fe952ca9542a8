//! Compiles `maintenance`: when windows open, for how long, and what they hold back.

use std::sync::Arc;
use std::time::Duration;

use cronexpr::Crontab;
use jiff::tz::TimeZone;

use super::expect::{is_empty, spot};
use super::tags::tag_names;
use super::{Compiler, Options, shown};
use crate::diagnostic::{Diagnostic, Place};
use crate::maintenance::{Maintenance, MaintenanceWindow};
use crate::yaml::{Content, Document, Entry, Node};
use smswatch_plugin::Span;

/// The keys of a window.
const KEYS: [&str; 6] = [
    "name",
    "cron",
    "timezone",
    "duration",
    "match",
    "everything",
];

/// How long a window may stay open at most.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// Compiles `windows`, the list of maintenance windows in `document`; `None` stands for an empty list.
/// Returns all problems with it, in the order of the file.
#[must_use]
pub fn compile_maintenance(
    document: &Document,
    windows: Option<&Node>,
    options: &Options<'_>,
) -> (Maintenance, Vec<Diagnostic>) {
    let mut compiler = Compiler::new(document, options);
    let windows = match windows.map(Node::content) {
        None | Some(Content::Null) => &[],
        Some(Content::Sequence(items)) => items.as_slice(),
        Some(_) => {
            let place = windows.map_or(Place::START, Node::place);
            compiler
                .error(place, "expected a list of maintenance windows")
                .hint = Some("each window begins with `- cron: …`".to_owned());
            &[]
        }
    };
    let compiled = windows
        .iter()
        .enumerate()
        .filter_map(|(position, node)| compiler.window(position + 1, node));
    let maintenance = Maintenance(compiled.collect());
    let mut problems = compiler.problems;
    problems.sort_by_key(|problem| problem.place);
    (maintenance, problems)
}

impl Compiler<'_> {
    fn window(&mut self, number: usize, node: &Node) -> Option<MaintenanceWindow> {
        let Some(entries) = node.as_mapping() else {
            let found = node.kind();
            self.error(
                node.place(),
                format!("expected a maintenance window, found {found}"),
            )
            .hint = Some("a window begins with `- cron: …`".to_owned());
            return None;
        };
        for entry in entries {
            if !KEYS.contains(&entry.key.name.as_str()) {
                self.unknown_key(entry, "a maintenance window", &KEYS);
            }
        }
        let name = match node.entry("name") {
            Some(entry) => self.window_name(entry),
            None => Some(number.to_string()),
        };
        let opens = self.opens(node);
        let zone = self.zone(node);
        let duration = self.window_duration(node);
        let matching = self.window_match(node);
        let written = node.get("match").map(Node::to_json).unwrap_or_default();
        Some(MaintenanceWindow {
            name: name?,
            opens: opens?,
            zone: zone?,
            duration: duration?,
            matching: Arc::new(matching?),
            written,
        })
    }

    fn window_name(&mut self, entry: &Entry) -> Option<String> {
        let name = self.text(entry)?.to_owned();
        let place = spot(entry);
        if name.trim().is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
            self.error(place, "a name must be one line of 1 to 100 characters");
            return None;
        }
        if self.named.iter().any(|(known, _)| *known == name) {
            let message = format!(
                "two maintenance windows are named `{}`",
                shown(&entry.value)
            );
            self.error(place, message);
            return None;
        }
        self.named.push((name.clone(), place));
        Some(name)
    }

    /// When it opens, by the clocks on the walls.
    fn opens(&mut self, window: &Node) -> Option<Crontab> {
        let Some(entry) = window.entry("cron") else {
            self.error(window.place(), "this maintenance window never opens")
                .hint =
                Some("add `cron`, such as `cron: \"0 2 * * 0\"` for Sundays at 2:00".to_owned());
            return None;
        };
        let cron = self.text(entry)?.trim().to_owned();
        // A zone behind the fields is a key of its own here.
        let parsed = cronexpr::parse_crontab(&format!("{cron} UTC"));
        let label = match parsed {
            Ok(crontab) if cron.split_whitespace().count() == 5 => return Some(crontab),
            Ok(_) => None,
            Err(error) => reason(&error.to_string()),
        };
        let message = format!("invalid cron expression `{}`", shown(&entry.value));
        let problem = self.error(spot(entry), message);
        problem.label = label;
        problem.hint = Some(
            "write five fields: minute, hour, day of the month, month, day of the week; \
             `0 2 * * 0` is Sundays at 2:00"
                .to_owned(),
        );
        None
    }

    fn zone(&mut self, window: &Node) -> Option<TimeZone> {
        let Some(entry) = window.entry("timezone") else {
            return Some(TimeZone::UTC);
        };
        let name = self.text(entry)?.to_owned();
        let zone = TimeZone::get(&name).ok();
        if zone.is_none() {
            let message = format!("unknown time zone `{}`", shown(&entry.value));
            self.error(spot(entry), message).label =
                Some("expected a name such as Europe/Athens, or UTC".to_owned());
        }
        zone
    }

    fn window_duration(&mut self, window: &Node) -> Option<Duration> {
        let Some(entry) = window.entry("duration") else {
            self.error(window.place(), "this maintenance window has no duration")
                .hint = Some("add `duration`, such as `2h`".to_owned());
            return None;
        };
        let text = self.text(entry)?.to_owned();
        let place = spot(entry);
        let duration = match text.parse::<Span>() {
            Ok(span) => span.duration(),
            Err(error) => {
                self.error(place, error.to_string());
                return None;
            }
        };
        if duration.is_zero() || duration > LONGEST {
            self.error(
                place,
                "a maintenance window stays open for at most `31d`, and longer than `0s`",
            );
            return None;
        }
        Some(duration)
    }

    fn window_match(&mut self, window: &Node) -> Option<crate::hold_back::Matching> {
        let everything = match window.entry("everything") {
            Some(entry) => self.boolean(entry)?,
            None => false,
        };
        let matching = window
            .entry("match")
            .filter(|entry| !is_empty(&entry.value));
        let place = matching.map_or(window.place(), spot);
        let entries = match matching.map(|entry| &entry.value) {
            None => &[],
            Some(value) => match value.as_mapping() {
                Some(entries) => entries,
                None => {
                    let found = value.kind();
                    self.error(
                        place,
                        format!("expected a mapping of conditions, found {found}"),
                    );
                    return None;
                }
            },
        };
        match (entries.is_empty(), everything) {
            (true, false) => {
                self.error(place, "this maintenance window holds back nothing")
                    .hint = Some(
                    "add `match`, such as `match: {country: GR}`, or `everything: true`".to_owned(),
                );
                None
            }
            (false, true) => {
                self.error(place, "`match` and `everything` exclude each other");
                None
            }
            _ => {
                let n_errors = self.n_errors();
                let tags = tag_names(self.document.find("/rules"));
                let matching = self.hold_backs(entries, &tags);
                (self.n_errors() == n_errors).then_some(matching)
            }
        }
    }
}

/// What is wrong with an expression, without the drawing of its place.
fn reason(error: &str) -> Option<String> {
    let mut line = error
        .lines()
        .map(|line| line.trim_matches([' ', '^', '|']))
        .filter(|line| !line.is_empty());
    line.next_back().map(str::to_owned)
}
