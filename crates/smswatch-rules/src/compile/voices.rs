//! Compiles how sinks want to be told, and of what: the options `template`, `timezone` and `privacy` of each sink in
//! the same file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use smswatch_model::{EventKind, Notification};

use super::Compiler;
use super::expect::spot;
use super::expressions::Shown;
use crate::diagnostic::Place;
use crate::event_word::KINDS;
use crate::rule::{Rule, Voice};
use crate::yaml::{Entry, Node};
use smswatch_template::did_you_mean;
use smswatch_template::sample::{sample_notifications, with_links};

impl Compiler<'_> {
    /// How each sink wants to be told, if it says so; `rules` say what it can be told of.
    pub(super) fn voices(&mut self, rules: &[(Rule, Place)]) -> BTreeMap<String, Voice> {
        let document = self.document;
        let sinks = document.find("/sinks").and_then(|sinks| sinks.as_mapping());
        let mut voices = BTreeMap::new();
        for sink in sinks.into_iter().flatten() {
            let name = &sink.key.name;
            let timezone = sink.value.entry("timezone");
            let timezone = timezone.and_then(|entry| self.timezone(entry));
            let (title, text) = match sink.value.entry("template") {
                Some(entry) => {
                    let shown = Shown {
                        samples: &samples_for(name, rules),
                        group_keys: None,
                    };
                    self.template(&format!("sinks/{name}"), entry, shown)
                }
                None => (None, None),
            };
            let tags = sink.value.get("privacy").and_then(allowed_tags);
            if title.is_some() || text.is_some() || timezone.is_some() || tags.is_some() {
                let voice = Voice {
                    title,
                    text,
                    timezone,
                    tags,
                };
                voices.insert(name.clone(), voice);
            }
        }
        voices
    }

    fn timezone(&mut self, entry: &Entry) -> Option<String> {
        let name = self.text(entry)?;
        if TimeZone::get(name).is_ok() {
            return Some(name.to_owned());
        }
        let known: Vec<_> = jiff::tz::db().available().collect();
        let hint = match did_you_mean(name, known.iter().map(|known| known.as_str())) {
            Some(word) => format!("did you mean `{word}`?"),
            None => "a name of the IANA database, such as `Europe/Athens`".to_owned(),
        };
        let shown = super::shown(&entry.value);
        self.error(spot(entry), format!("unknown time zone `{shown}`"))
            .hint = Some(hint);
        None
    }
}

/// The tags that a sink may see, if its option `privacy` lists them. What does not read well is told by the schema.
fn allowed_tags(privacy: &Node) -> Option<BTreeSet<String>> {
    let tags = privacy.get("tags")?.as_sequence()?.iter();
    Some(tags.filter_map(Node::as_text).map(str::to_owned).collect())
}

/// A sample of everything that `sink` can be told of.
fn samples_for(sink: &str, rules: &[(Rule, Place)]) -> Vec<Notification> {
    let rules = rules.iter().map(|(rule, _)| rule);
    let telling = rules.filter(|rule| rule.targets.iter().any(|target| target.sink == sink));
    let told: Vec<EventKind> = telling.flat_map(|rule| rule.kinds.clone()).collect();
    let mut kinds: Vec<EventKind> = KINDS
        .into_iter()
        .filter(|kind| told.contains(kind))
        .collect();
    if kinds.is_empty() {
        kinds.push(EventKind::StatusChanged);
    }
    let samples: Vec<Notification> = kinds.into_iter().flat_map(sample_notifications).collect();
    // Some rules may have links, and some none.
    samples
        .iter()
        .flat_map(|sample| [with_links(sample, 0), with_links(sample, 1)])
        .collect()
}
