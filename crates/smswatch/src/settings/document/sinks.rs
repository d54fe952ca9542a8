//! What an operator can write for every sink, whatever its type.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smswatch_core::settings::{BreakerSettings, RetrySettings, SinkSettings};
use smswatch_plugin::Secret;
use smswatch_rules::{Span, TemplateDocument};

use super::shown::proxy_without_login;

/// What every sink understands, whatever its type.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CommonSinkSection {
    /// How many attempts all replicas make together in any such time, as in `{at_most: 10, per: 1s}`.
    /// Default: as many as there are, and one a second to Slack.
    pub(crate) rate: Option<RateSection>,
    /// How many attempts of one replica run at once. Default: 8.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) concurrency: Option<usize>,
    /// How long an attempt may take, at most `35s`. Default: `30s`.
    pub(crate) timeout: Option<Span>,
    /// When a failed delivery is tried again.
    pub(crate) retry: Option<RetrySection>,
    /// How many notifications of one rule may wait for one destination. More of them leave together, as one digest that
    /// counts them all; `0` lets each leave alone. Default: they leave alone, and above 20 to Slack together.
    #[schemars(range(max = 500))]
    pub(crate) digest_above: Option<u32>,
    /// How many deliveries may wait.
    pub(crate) queue: Option<QueueSection>,
    /// The name of another sink, which gets what this one does not take: what was given up, and what
    /// waits while this one is down for longer than `fallback_after`. Default: none.
    #[schemars(length(min = 1))]
    pub(crate) fallback: Option<String>,
    /// How long this sink must have been down before its fallback gets what waits. Default: `5m`.
    pub(crate) fallback_after: Option<Span>,
    /// When a sink that keeps failing is left in peace. Default: `{failures: 5, probe: 30s}`.
    pub(crate) breaker: Option<BreakerSection>,
    /// Through which proxy this sink goes, if it speaks HTTP: `env`, `none` or a URL. Default: what
    /// `proxy` says for everything.
    #[serde(serialize_with = "proxy_without_login")]
    pub(crate) proxy: Option<Secret>,
    /// Titles and texts for this sink, where the rule has none of its own. Default: titles and texts that say it in
    /// plain words.
    pub(crate) template: Option<TemplateDocument>,
    /// In which time the filter `local_time` tells instants to this sink: a name of the IANA database, such as
    /// `Europe/Athens`. Default: UTC.
    #[schemars(length(min = 1))]
    pub(crate) timezone: Option<String>,
    /// What of a message this sink may see. Default: all that `privacy` of the whole configuration allows.
    pub(crate) privacy: Option<SinkPrivacySection>,
}

impl CommonSinkSection {
    /// Whether every sink has the option `key`.
    pub(crate) fn has(key: &str) -> bool {
        COMMON.contains_key(key)
    }

    /// Splits the section of a sink into what every sink understands, and its own.
    pub(crate) fn split(section: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
        section.into_iter().partition(|(key, _)| Self::has(key))
    }
}

/// What every sink understands, with the value that says nothing.
static COMMON: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let nothing = serde_json::to_value(CommonSinkSection::default());
    match nothing.expect("options are JSON") {
        Value::Object(options) => options,
        _ => Map::new(),
    }
});

/// What of a message a sink may see.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SinkPrivacySection {
    /// The names of the tags that it may see, such as `[team]`; `[]` for none. The others are left out before it gets a
    /// notification, and before its title and text are made. Default: all.
    pub(crate) tags: Option<BTreeSet<String>>,
}

/// How many deliveries may wait.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueSection {
    /// How many deliveries may wait. Beyond it the oldest below `critical` are given up, with the reason `queue_full`.
    /// Default: 100000.
    #[serde(default = "queue_max")]
    #[schemars(range(min = 1))]
    pub(crate) max: u64,
}

fn queue_max() -> u64 {
    SinkSettings::DEFAULT_QUEUE_MAX
}

/// When a sink that keeps failing is left in peace: nothing is attempted but a probe now and then,
/// its deliveries wait, and that time does not count towards `give_up_after`.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BreakerSection {
    /// How many failures in a row open the breaker. Default: 5.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) failures: u32,
    /// How often one delivery is attempted while it is open. Default: `30s`.
    pub(crate) probe: Span,
}

impl Default for BreakerSection {
    fn default() -> Self {
        let settings = BreakerSettings::default();
        Self {
            failures: settings.failures,
            probe: settings.probe.into(),
        }
    }
}

/// So many in such a time.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateSection {
    /// How many.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) at_most: u32,
    /// In how long.
    pub(crate) per: Span,
}

/// When a failed delivery is tried again.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetrySection {
    /// The delays after the first, second, … failed attempt; the last repeats.
    /// Default: `[5s, 30s, 2m, 10m, 1h, 3h]`.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) schedule: Vec<Span>,
    /// How long after it was made a delivery that keeps failing is given up. Default: `24h`.
    pub(crate) give_up_after: Span,
}

impl Default for RetrySection {
    fn default() -> Self {
        let settings = RetrySettings::default();
        Self {
            schedule: settings.schedule.into_iter().map(Span::from).collect(),
            give_up_after: settings.give_up_after.into(),
        }
    }
}
