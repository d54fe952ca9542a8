//! Compiles `notify`: which sinks a rule notifies, and what it asks of them.

use serde_json::Value;
use smswatch_model::{Overrides, destination};

use super::expect::{is_empty, spot};
use super::{Compiler, shown};
use crate::diagnostic::Place;
use crate::rule::Target;
use crate::yaml::{Content, Entry, Node};
use smswatch_template::did_you_mean;

impl Compiler<'_> {
    pub(super) fn targets(&mut self, rule: &Node, stop: bool) -> Vec<Target> {
        let entry = rule.entry("notify").filter(|entry| !is_empty(&entry.value));
        let place = entry.map_or(rule.place(), spot);
        let items = match entry.map(|entry| entry.value.content()) {
            Some(Content::Sequence(items)) => items.as_slice(),
            None => &[],
            Some(_) => {
                let node = entry.map(|entry| &entry.value);
                let problem = self.error(
                    place,
                    format!(
                        "expected a list of sinks, found {}",
                        node.map_or("nothing", Node::kind)
                    ),
                );
                problem.hint = node
                    .and_then(Node::as_text)
                    .map(|_| format!("in brackets: `[{}]`", node.map_or("", shown)));
                return Vec::new();
            }
        };
        if items.is_empty() && !stop {
            self.error(place, "this rule notifies no one").hint = Some(
                "list sinks in `notify`, or set `stop: true` to keep events from the rules below"
                    .to_owned(),
            );
        }
        let mut targets: Vec<Target> = Vec::new();
        for item in items {
            let Some(target) = self.target(item) else {
                continue;
            };
            if targets.iter().any(|known| known.number == target.number) {
                self.error(item.place(), format!("{} is named twice", target.name()))
                    .label = Some("a rule notifies each destination once".to_owned());
                continue;
            }
            targets.push(target);
        }
        targets
    }

    fn target(&mut self, node: &Node) -> Option<Target> {
        let Some(entries) = node.as_mapping() else {
            let sink = self.text_of(node, node.place())?;
            self.sink(sink, node, node.place())?;
            return Some(self.destination(sink, Overrides::new()));
        };
        let Some(entry) = node.entry("sink") else {
            self.error(node.place(), "`sink` is missing").hint =
                Some("write `{sink: NAME, …}`".to_owned());
            return None;
        };
        let sink = self.text(entry)?;
        self.sink(sink, &entry.value, spot(entry))?;
        let overrides: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.key.name != "sink")
            .collect();
        for entry in overrides.iter().filter(|entry| is_empty(&entry.value)) {
            self.no_value(entry);
        }
        let overrides = overrides
            .into_iter()
            .filter(|entry| !is_empty(&entry.value))
            .map(|entry| (entry.key.name.clone(), entry.value.to_json()));
        let mut overrides: serde_json::Map<String, Value> = overrides.collect();
        for problem in (self.options.check_overrides)(sink, &mut overrides) {
            let wrong = problem.key.as_deref().and_then(|key| node.entry(key));
            let place = wrong.map_or(node.place(), |entry| entry.key.place);
            self.error(place, problem.message).hint = problem.hint;
        }
        Some(self.destination(sink, overrides))
    }

    /// A sink with its overrides, under the number that this destination has in all rules.
    fn destination(&mut self, sink: &str, overrides: Overrides) -> Target {
        let name = destination(sink, &overrides);
        let known = self.destinations.iter().position(|known| *known == name);
        let number = known.unwrap_or_else(|| {
            self.destinations.push(name);
            self.destinations.len() - 1
        });
        Target {
            number,
            sink: sink.to_owned(),
            overrides,
        }
    }

    /// Reports a sink that is not configured.
    fn sink(&mut self, name: &str, node: &Node, place: Place) -> Option<()> {
        let sinks = self.options.sinks;
        if sinks.iter().any(|known| known == name) {
            return Some(());
        }
        let label = match sinks {
            [] => format!("there are no sinks in {}", self.options.sinks_file),
            some => format!("sinks in {}: {}", self.options.sinks_file, some.join(", ")),
        };
        let hint = did_you_mean(name, sinks.iter().map(String::as_str));
        let problem = self.error(place, format!("no sink is named `{}`", shown(node)));
        problem.label = Some(label);
        problem.hint = hint.map(|word| format!("did you mean `{word}`?"));
        None
    }
}
