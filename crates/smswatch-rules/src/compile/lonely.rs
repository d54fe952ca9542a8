//! Warns of sinks that alone would be notified of their own failure.

use smswatch_model::{About, Event, EventKind};
use smswatch_plugin::rules::{Rules as _, Told};

use super::Compiler;
use crate::diagnostic::Place;
use crate::rule_set::RuleSet;
use smswatch_template::sample::samples;

/// Tries what happens when each sink goes down. Warns only if all rules are valid: an invalid one might
/// be the rule that notifies another sink.
pub(super) fn warn(compiler: &mut Compiler<'_>, rules: &RuleSet, places: &[Place]) {
    if compiler.n_errors() > 0 {
        return;
    }
    let options = compiler.options;
    let troubles = [EventKind::SinkDown, EventKind::DeadLetter];
    let of_each = |sink| troubles.map(|kind| (sink, kind));
    for (sink, kind) in options.sinks.iter().flat_map(of_each) {
        let matches = rules.matches(&[own_trouble(sink, kind)], &Told::default());
        let Some(rule_match) = matches.first() else {
            continue;
        };
        // Another channel of the same sink is no help. A recovery is another matter: by then the sink
        // takes what it is told about itself.
        let is_alone = matches.iter().all(|rule_match| rule_match.sink == *sink);
        if !is_alone || options.with_fallback.contains(sink) {
            continue;
        }
        let place = rules
            .names()
            .zip(places)
            .find_map(|(name, place)| (name == rule_match.rule).then_some(*place));
        let Some(place) = place else { continue };
        let (message, label) = match kind {
            EventKind::DeadLetter => (
                format!("only `{sink}` is notified of its own dead letters"),
                "which may refuse this too",
            ),
            _ => (
                format!("only `{sink}` is notified when `{sink}` is down"),
                "which takes nothing while it is down",
            ),
        };
        let problem = compiler.warning(place, message);
        problem.label = Some(format!(
            "`{}` notifies only `{sink}`, {label}",
            rule_match.rule
        ));
        problem.hint = Some(format!(
            "notify another sink too, or give `{sink}` a `fallback`"
        ));
    }
}

/// The event that `sink` is in trouble.
fn own_trouble(sink: &str, kind: EventKind) -> Event {
    let [event, _] = samples(kind);
    let about = event.about.map(|about| About {
        name: sink.to_owned(),
        ..about
    });
    Event { about, ..event }
}
