//! Warns of names of tags that look like a slip. No list says which tags there are: what other rules use tells.

use std::collections::BTreeSet;

use super::Compiler;
use crate::diagnostic::Place;
use crate::yaml::{Content, Node};

/// What the keys of tags begin with.
const PREFIX: &str = "tags.";

/// Shorter names differ by a letter too often for it to mean anything.
const SHORTEST: usize = 4;

/// A place that names a tag.
struct Use {
    name: String,
    place: Place,
    /// The position of the rule.
    rule: usize,
}

impl Compiler<'_> {
    /// Warns of each tag that is named nearly like one that more other rules use, or that earlier ones do.
    pub(super) fn check_tags(&mut self, rules: Option<&Node>) {
        let uses = uses(rules);
        for name in names(&uses) {
            let users = users_of(&uses, &name);
            let is_established = |other: &&String| {
                let others = users_of(&uses, other);
                let is_used_elsewhere = others.iter().any(|rule| !users.contains(rule));
                let is_older = (others.len(), users.first()) > (users.len(), others.first());
                is_used_elsewhere && is_older
            };
            let all = names(&uses);
            let meant = all.iter().filter(is_established);
            let meant = meant
                .map(String::as_str)
                .find(|other| is_slip(&name, other));
            if let (Some(meant), Some(first)) = (meant, uses.iter().find(|one| one.name == name)) {
                self.warn_of_slip(first.place, &name, meant);
            }
        }
    }

    /// Warns of tags in `matching`, of a silence or a window, that are named nearly like one of the rules'.
    pub(super) fn check_tag(&mut self, key: &str, place: Place, known: &[String]) {
        let Some(name) = key.strip_prefix(PREFIX) else {
            return;
        };
        if known.iter().any(|known| known == name) {
            return;
        }
        let mut known = known.iter().map(String::as_str);
        if let Some(meant) = known.find(|known| is_slip(name, known)) {
            self.warn_of_slip(place, name, meant);
        }
    }

    fn warn_of_slip(&mut self, place: Place, name: &str, meant: &str) {
        let message = format!("`tags.{name}` is nearly `tags.{meant}`, which is used elsewhere");
        self.warning(place, message).hint = Some(format!("did you mean `tags.{meant}`?"));
    }
}

/// The names of all tags that rules use, each once, in the order in which they come.
pub(super) fn tag_names(rules: Option<&Node>) -> Vec<String> {
    names(&uses(rules))
}

fn names(uses: &[Use]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in uses {
        if !names.contains(&one.name) {
            names.push(one.name.clone());
        }
    }
    names
}

/// The positions of the rules that use a tag.
fn users_of(uses: &[Use], name: &str) -> BTreeSet<usize> {
    let uses = uses.iter().filter(|one| one.name == name);
    uses.map(|one| one.rule).collect()
}

fn uses(rules: Option<&Node>) -> Vec<Use> {
    let rules = rules.and_then(Node::as_sequence).unwrap_or_default();
    let mut uses = Vec::new();
    for (rule, node) in rules.iter().enumerate() {
        collect(node, rule, &mut uses);
    }
    uses
}

/// Collects the keys of tags, and the values of `by` that name some.
fn collect(node: &Node, rule: usize, uses: &mut Vec<Use>) {
    let mut add = |key: &str, place: Place| {
        if let Some(name) = key.strip_prefix(PREFIX).filter(|name| !name.is_empty()) {
            let name = name.to_owned();
            uses.push(Use { name, place, rule });
        }
    };
    let Content::Mapping(entries) = node.content() else {
        return;
    };
    for entry in entries {
        add(&entry.key.name, entry.key.place);
        if entry.key.name == "by" {
            let one = std::slice::from_ref(&entry.value);
            for key in entry.value.as_sequence().unwrap_or(one) {
                add(key.as_text().unwrap_or_default(), key.place());
            }
        }
    }
    for entry in entries {
        collect(&entry.value, rule, uses);
    }
}

/// Whether a name is another one with a letter too many, too few, wrong, or in the wrong place. Names that differ in
/// digits alone are numbered, and meant so.
fn is_slip(name: &str, other: &str) -> bool {
    let letters = |name: &str| -> String {
        let letters = name.chars().filter(|letter| !letter.is_ascii_digit());
        letters.flat_map(char::to_lowercase).collect()
    };
    let is_long = name.chars().count().min(other.chars().count()) >= SHORTEST;
    let distance = || strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let is_numbered =
        letters(name) == letters(other) && name.to_lowercase() != other.to_lowercase();
    is_long && name != other && !is_numbered && distance() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_one_letter_in_a_name_that_is_not_short_or_numbered() {
        for (name, other) in [
            ("taem", "team"),
            ("teams", "team"),
            ("Team", "team"),
            ("custmer", "customer"),
            ("order_id", "order-id"),
        ] {
            assert!(is_slip(name, other), "{name}");
            assert!(is_slip(other, name), "{other}");
        }
        for (name, other) in [
            ("team", "team"),
            ("env", "end"),
            ("tier1", "tier2"),
            ("line", "line2"),
            ("team", "tenant"),
            ("country", "county_code"),
        ] {
            assert!(!is_slip(name, other), "{name}");
        }
    }
}
