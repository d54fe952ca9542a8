//! Compiles a rate: what is measured, in which window, and when that is an alert.

use std::time::Duration;

use smswatch_model::EventKind;
use smswatch_plugin::rules::{RateBound, RateSettings};

use super::Compiler;
use super::expect::{is_empty, spot};
use super::usual::follows_usual;
use crate::condition::{Condition, ConditionTest};
use crate::event_word::KINDS;
use crate::field::Flag;
use crate::rate::RateRule;
use crate::yaml::{Content, Entry, Node};

/// The keys of a rule that belong to `event: rate`.
pub(super) const RATE_KEYS: [&str; 9] = [
    "count",
    "among",
    "by",
    "over",
    "above",
    "clear_below",
    "until_usual",
    "at_least",
    "for",
];

/// The keys of a rule that are about single events.
const OTHER_KEYS: [&str; 4] = ["match", "when", "group", "once_per"];

/// The longest window, and the longest time for which a rate can have to be above its bound.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

impl Compiler<'_> {
    /// What the rule measures; `None` if it is no rate.
    /// It is told again every `repeat` seconds.
    pub(super) fn rate(
        &mut self,
        rule: &Node,
        kinds: &[EventKind],
        repeat: Option<u64>,
    ) -> Option<RateRule> {
        let is_rate = kinds.iter().any(|kind| kind.is_of_rate());
        let is_alone = kinds.iter().all(|kind| kind.is_of_rate());
        if !is_rate || !is_alone {
            self.check_is_no_rate(rule, kinds, is_rate);
            return None;
        }
        for entry in OTHER_KEYS.iter().filter_map(|key| rule.entry(key)) {
            let key = &entry.key.name;
            let message = format!("`{key}` does not go with `event: rate`");
            self.error(entry.key.place, message).hint = Some(
                "`among` says which events are measured, `count` which of them count".to_owned(),
            );
        }
        let missing: Vec<String> = ["count", "over", "above"]
            .iter()
            .filter(|key| rule.entry(key).is_none())
            .map(|key| format!("`{key}`"))
            .collect();
        if let (false, Some(event)) = (missing.is_empty(), rule.entry("event")) {
            let message = format!("a rate needs {}", missing.join(", "));
            self.error(spot(event), message).hint =
                Some("such as `count: {status: Undelivered}`, `over: 15m`, `above: 8%`".to_owned());
        }
        let n_problems = self.problems.len();
        let count = rule.entry("count").map(|entry| self.measured(entry));
        let among = rule.entry("among").map(|entry| self.measured(entry));
        if let (Some(entry), Some(count), Some(among)) = (rule.entry("count"), &count, &among)
            && self.problems.len() == n_problems
            && !self.can_all_hold(&[count.as_slice(), among].concat())
        {
            self.warning(spot(entry), "this rate is always 0").label =
                Some("nothing that `among` measures can count".to_owned());
        }
        let by = rule.entry("by").map(|entry| self.group_keys(entry));
        let over = rule.entry("over").and_then(|entry| self.over(entry));
        let above = rule.entry("above");
        let follows_usual = above.is_some_and(follows_usual);
        let usual = above.filter(|_| follows_usual);
        let usual = usual.and_then(|entry| self.usual_bound(rule, entry));
        let until_usual = self.until_usual(rule, follows_usual);
        let above = if follows_usual {
            until_usual.filter(|_| usual.is_some())
        } else {
            above.and_then(|entry| self.bound(entry))
        };
        let clear_below = match (rule.entry("clear_below"), above) {
            (Some(entry), Some(above)) => self.clear_below(entry, above),
            _ => above,
        };
        let lasting = rule.entry("for").and_then(|entry| self.lasting(entry));
        let at_least = rule
            .entry("at_least")
            .and_then(|entry| self.at_least(entry));
        Some(RateRule {
            count: count?,
            among: among.unwrap_or_default(),
            by: by.unwrap_or_default(),
            settings: RateSettings {
                over: over?,
                above: above?,
                clear_below: clear_below?,
                at_least: at_least.unwrap_or(1),
                lasting: lasting.unwrap_or_default(),
                repeat: repeat.map(Duration::from_secs),
                usual,
            },
        })
    }

    /// Reports what only a rate has in a rule that is none.
    fn check_is_no_rate(&mut self, rule: &Node, kinds: &[EventKind], is_named: bool) {
        if let Some(event) = rule.entry("event")
            && is_named
            && kinds.len() < KINDS.len()
        {
            let message = "a rule is about a rate or about other events";
            self.error(spot(event), message).hint = Some("write two rules".to_owned());
        }
        for entry in RATE_KEYS.iter().filter_map(|key| rule.entry(key)) {
            let message = format!("`{}` is for rules with `event: rate`", entry.key.name);
            self.error(entry.key.place, message).hint =
                Some("add `event: rate`, or remove it".to_owned());
        }
    }

    /// The conditions on the changes of status that are measured.
    fn measured(&mut self, entry: &Entry) -> Vec<Condition> {
        let conditions = self.conditions(entry, &[EventKind::StatusChanged]);
        for (flag, name) in [(Flag::Late, "late"), (Flag::Refined, "refined")] {
            let wanted = ConditionTest::Flag(flag, true);
            if conditions.iter().any(|condition| condition.test == wanted) {
                let place = entry.value.entry(name).map_or(spot(entry), spot);
                let message = format!("status changes that are `{name}` are not measured");
                self.error(place, message).label = Some("this never matches".to_owned());
            }
        }
        conditions
    }

    fn over(&mut self, entry: &Entry) -> Option<Duration> {
        let over = self.span(entry)?.duration();
        if over < Duration::from_secs(1) || over > LONGEST {
            self.error(spot(entry), "`over` is from 1s to 7d");
            return None;
        }
        Some(over)
    }

    fn lasting(&mut self, entry: &Entry) -> Option<Duration> {
        let lasting = self.span(entry)?.duration();
        if lasting > LONGEST {
            self.error(spot(entry), "`for` is from 0s to 7d");
            return None;
        }
        Some(lasting)
    }

    fn at_least(&mut self, entry: &Entry) -> Option<u64> {
        let number = match entry.value.content() {
            Content::Number(number) => number.as_u64(),
            _ => None,
        };
        let number = number.filter(|number| *number > 0);
        if number.is_none() {
            self.error(spot(entry), "`at_least` is a whole number from 1");
        }
        number
    }

    /// A percentage, such as `8%`, or a number of events.
    pub(super) fn bound(&mut self, entry: &Entry) -> Option<RateBound> {
        if is_empty(&entry.value) {
            self.no_value(entry);
            return None;
        }
        let text = entry.value.as_text().or_else(|| entry.value.inserted());
        let percent = text.and_then(|text| text.trim().strip_suffix('%'));
        let percent = percent.and_then(|number| number.trim().parse::<f64>().ok());
        let count = match entry.value.content() {
            Content::Number(number) => number.as_u64(),
            _ => None,
        };
        let bound = match (percent, count) {
            (Some(percent), _) if (0.0..=100.0).contains(&percent) => {
                Some(RateBound::Percent(percent))
            }
            (None, Some(count)) => Some(RateBound::Count(count)),
            _ => None,
        };
        match bound {
            None => {
                let message = format!("`{}` is a percentage or a number of events", entry.key.name);
                self.error(spot(entry), message).hint =
                    Some("such as `8%`, from 0 to 100, or `20`".to_owned());
            }
            Some(RateBound::Percent(percent)) if percent >= 100.0 && entry.key.name == "above" => {
                self.error(spot(entry), "no share is above 100 %");
                return None;
            }
            Some(_) => {}
        }
        bound
    }

    fn clear_below(&mut self, entry: &Entry, above: RateBound) -> Option<RateBound> {
        let clear_below = self.bound(entry)?;
        let is_more = match (clear_below, above) {
            (RateBound::Percent(below), RateBound::Percent(above)) => below > above,
            (RateBound::Count(below), RateBound::Count(above)) => below > above,
            _ => {
                let message =
                    "`clear_below` and `above` must both be percentages or both be numbers";
                self.error(spot(entry), message);
                return None;
            }
        };
        let is_never = matches!(clear_below, RateBound::Count(0))
            || matches!(clear_below, RateBound::Percent(percent) if percent <= 0.0);
        if is_more {
            self.error(spot(entry), "`clear_below` is more than `above`")
                .hint = Some(
                "a rate is resolved below the bound at which it fires, or at the same".to_owned(),
            );
            return None;
        }
        if is_never {
            self.warning(spot(entry), "nothing is below `0`").label =
                Some("the alert is resolved once the window is empty".to_owned());
        }
        Some(clear_below)
    }
}
