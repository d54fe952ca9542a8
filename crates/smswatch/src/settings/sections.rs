//! Which parts of a configuration differ from those of the one before.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::fingerprint;

/// The sections that take effect as soon as the file is loaded again; sinks do so one by one.
const LIVE: [&str; 7] = [
    "callbacks",
    "rules",
    "maintenance",
    "fault",
    "watch",
    "history",
    "alarms",
];

/// Keyed anew in each process, so that nothing can be learned from what it says of secrets.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A hash of each part of a configuration, under its path: `rules`, `sinks.crm`, `routee`. Only hashes of
/// one process can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sections(BTreeMap<String, u64>);

/// What another configuration says otherwise, by the paths of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Differences {
    /// What takes effect at once.
    pub(crate) live: Vec<String>,
    /// What takes effect when the process starts again.
    pub(crate) at_start: Vec<String>,
}

impl Sections {
    /// The parts of a configuration in which secrets and variables stand as they are used.
    pub(super) fn of(configuration: &Value) -> Self {
        let mut hashes = BTreeMap::new();
        for (name, section) in configuration.as_object().into_iter().flatten() {
            match name.as_str() {
                "sinks" => {
                    for (sink, section) in section.as_object().into_iter().flatten() {
                        // A sink without a proxy of its own takes this one.
                        let whole = json!([section, configuration["proxy"]]);
                        hashes.insert(sink_path(sink), hash(whole));
                    }
                }
                "callbacks" => {
                    let mut rest = section.clone();
                    for option in AT_START {
                        let apart = rest.as_object_mut().and_then(|rest| rest.remove(option));
                        hashes.insert(format!("{name}.{option}"), hash(json!(apart)));
                    }
                    hashes.insert(name.clone(), hash(rest));
                }
                "routee" => {
                    hashes.insert(KEY.to_owned(), hash(section["application_secret"].clone()));
                    hashes.insert(name.clone(), hash(section.clone()));
                }
                _ => {
                    hashes.insert(name.clone(), hash(section.clone()));
                }
            }
        }
        Self(hashes)
    }

    /// Whether the sink called `name` is configured here as it is in `other`.
    pub(crate) fn has_same_sink(&self, other: &Self, name: &str) -> bool {
        let path = sink_path(name);
        self.0.contains_key(&path) && self.0.get(&path) == other.0.get(&path)
    }

    /// The section whose change cannot be taken over beside the rules: they find numbers by a hash that
    /// is keyed with Routee's secret, and match what privacy lets them see.
    pub(crate) fn key_has_changed(&self, other: &Self) -> Option<&'static str> {
        [KEY, "privacy"]
            .into_iter()
            .find(|path| self.0.get(*path) != other.0.get(*path))
    }

    /// What the process runs with once it has taken over what it can of `other`.
    pub(crate) fn taken_over(&self, other: Self) -> Self {
        let at_start = self.differences(&other).at_start;
        let mut hashes = other.0;
        for path in at_start {
            match self.0.get(&path) {
                Some(hash) => hashes.insert(path, *hash),
                None => hashes.remove(&path),
            };
        }
        Self(hashes)
    }

    /// What `other` says otherwise.
    pub(crate) fn differences(&self, other: &Self) -> Differences {
        let mut differences = Differences::default();
        let mut paths: Vec<&String> = self.0.keys().chain(other.0.keys()).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            if path == KEY || self.0.get(path) == other.0.get(path) {
                continue;
            }
            let is_live = LIVE.contains(&path.as_str()) || path.starts_with(SINKS);
            let kind = match is_live {
                true => &mut differences.live,
                false => &mut differences.at_start,
            };
            kind.push(path.clone());
        }
        differences
    }
}

/// Where the secret stands with which numbers are keyed.
const KEY: &str = "routee.application_secret";

/// What of callbacks cannot change while the process runs.
const AT_START: [&str; 2] = ["listen", "new_per_minute"];

/// What the path of a sink begins with.
const SINKS: &str = "sinks.";

fn sink_path(name: &str) -> String {
    format!("{SINKS}{name}")
}

fn hash(section: Value) -> u64 {
    HASHES.hash_one(fingerprint::sorted(section).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(configuration: Value) -> Sections {
        Sections::of(&configuration)
    }

    #[test]
    fn what_differs_is_told_by_its_path_and_by_when_it_takes_effect() {
        let before = sections(json!({
            "routee": {"application_id": "a", "application_secret": "s"},
            "watch": {"retention": "7d"},
            "rules": [{"name": "a"}],
            "sinks": {"crm": {"type": "webhook"}, "ops": {"type": "slack"}},
        }));
        let after = sections(json!({
            "routee": {"application_id": "b", "application_secret": "s"},
            "rules": [],
            "http": {"listen": "127.0.0.1:1"},
            "sinks": {"ops": {"type": "slack"}, "pager": {"type": "webhook"}},
        }));
        let expected = Differences {
            live: ["rules", "sinks.crm", "sinks.pager", "watch"]
                .map(str::to_owned)
                .into(),
            at_start: ["http", "routee"].map(str::to_owned).into(),
        };
        assert_eq!(before.differences(&after), expected);
        assert_eq!(before.differences(&before), Differences::default());
        assert!(after.has_same_sink(&before, "ops"));
        assert!(!after.has_same_sink(&before, "pager"));
        assert_eq!(before.key_has_changed(&after), None);
        let running = before.taken_over(after.clone());
        assert!(running.differences(&after).live.is_empty());
        assert_eq!(running.differences(&after).at_start, ["http", "routee"]);
    }

    #[test]
    fn a_sink_without_a_proxy_of_its_own_changes_with_the_one_for_all() {
        let through =
            |proxy: &str| sections(json!({"proxy": proxy, "sinks": {"crm": {"type": "webhook"}}}));
        let (direct, proxied) = (through("none"), through("http://proxy.example.com"));
        assert!(!proxied.has_same_sink(&direct, "crm"));
        assert_eq!(direct.differences(&proxied).at_start, ["proxy"]);
    }

    #[test]
    fn what_numbers_are_keyed_with_cannot_change_beside_the_rules() {
        let with = |secret: &str, numbers: &str| {
            sections(json!({
                "routee": {"application_secret": secret},
                "privacy": {"numbers": numbers},
            }))
        };
        let before = with("s", "mask");
        let key_has_changed = |after: Sections| before.key_has_changed(&after);
        assert_eq!(key_has_changed(with("s", "mask")), None);
        assert_eq!(key_has_changed(with("t", "mask")), Some(KEY));
        assert_eq!(key_has_changed(with("s", "full")), Some("privacy"));
    }
}
