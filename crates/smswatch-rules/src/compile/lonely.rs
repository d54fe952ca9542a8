//! Warns of sinks whose failure nobody would hear of but they themselves.

use smswatch_core::rules::Rules as _;
use smswatch_model::{About, Event, EventKind};

use super::Compiler;
use crate::book::RuleBook;
use crate::diagnostic::Place;
use crate::sample::samples;

/// Tries what happens when each sink goes down. A rule that is wrong may be one that would tell, so
/// nothing is said before all are right.
pub(super) fn warn(compiler: &mut Compiler<'_>, rules: &RuleBook, places: &[Place]) {
    if compiler.n_errors() > 0 {
        return;
    }
    let options = compiler.options;
    for sink in options.sinks {
        let notices = rules.evaluate(&[sink_down(sink)]);
        let [notice] = notices.as_slice() else {
            continue;
        };
        // A recovery is another matter: by then the sink takes what it is told about itself.
        if notice.sink != *sink || options.with_fallback.contains(sink) {
            continue;
        }
        let place = rules
            .names()
            .zip(places)
            .find_map(|(name, place)| (name == notice.rule).then_some(*place));
        let Some(place) = place else { continue };
        let message = format!("nobody else hears when `{sink}` is down");
        let problem = compiler.warning(place, message);
        problem.label = Some(format!(
            "`{}` tells `{sink}` alone, which takes nothing then",
            notice.rule
        ));
        problem.hint = Some(format!(
            "name another sink beside it, or give `{sink}` a `fallback`"
        ));
    }
}

fn sink_down(sink: &str) -> Event {
    let [event, _] = samples(EventKind::SinkDown);
    let about = event.about.map(|about| About {
        name: sink.to_owned(),
        ..about
    });
    Event { about, ..event }
}
