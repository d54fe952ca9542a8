//! The configuration file as an operator writes it; doc comments become the schema's descriptions.

mod callbacks;
mod shown;
mod sinks;
mod sweeps;
mod traces;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_core::settings::{AlarmSettings, Settings, WatchSettings};
use smswatch_plugin::Secret;
use smswatch_plugin::store::Bound;
use smswatch_rules::Span;

pub(super) use self::callbacks::CallbacksSection;
pub(super) use self::shown::{HIDDEN, shown};
use self::shown::{hidden, hidden_if_any, without_login};
pub(super) use self::sinks::{BreakerSection, CommonSinkSection, QueueSection, RateSection};
pub(super) use self::sweeps::SweepsSection;
pub(super) use self::traces::TracesSection;

/// What `store.key_prefix` must look like.
pub(super) const KEY_PREFIX: &str = r"^[A-Za-z0-9_.:-]{1,64}$";

/// Where the API, the health checks and the metrics are served unless the operator says otherwise.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// How to reach Routee.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteeSection {
    /// The application's id, from Routee's platform.
    #[schemars(length(min = 1))]
    pub(crate) application_id: String,
    /// The application's secret.
    #[serde(serialize_with = "hidden")]
    pub(crate) application_secret: Secret,
    /// Where messages are polled. Default: `https://connect.routee.net`.
    #[serde(default = "api_url")]
    pub(crate) api_url: String,
    /// Where tokens are had. Default: `https://auth.routee.net`.
    #[serde(default = "auth_url")]
    pub(crate) auth_url: String,
    /// How many polls a second all replicas make together; bursts hold at most one second's worth.
    /// Default: 20.
    #[serde(default = "requests_per_second")]
    #[schemars(range(min = 0.01, max = 1_000_000.0))]
    pub(crate) requests_per_second: f64,
    /// How many polls of one replica run at once. Default: 32.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) concurrency: usize,
    /// How long a poll may take, the request for a token included, at most `15s`. Default: `10s`.
    #[serde(default = "look_timeout")]
    pub(crate) timeout: Span,
}

fn api_url() -> String {
    "https://connect.routee.net".to_owned()
}

fn auth_url() -> String {
    "https://auth.routee.net".to_owned()
}

fn requests_per_second() -> f64 {
    20.0
}

fn concurrency() -> usize {
    32
}

fn look_timeout() -> Span {
    Span::from_secs(10)
}

/// Where everything is kept.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSection {
    /// `redis://HOST:PORT`, `rediss://…` with TLS, or `sqlite:PATH`.
    /// Default: `sqlite:smswatch.db` in the working directory, which needs no server.
    #[serde(serialize_with = "without_login")]
    pub(crate) url: Secret,
    /// What every key in Redis begins with. Default: `smswatch`.
    #[schemars(regex(pattern = KEY_PREFIX))]
    pub(crate) key_prefix: String,
    /// Into how many shards Redis is split, and so how many replicas can share the polls; fixed when it
    /// is first used. Default: 16.
    #[schemars(range(min = 1, max = 256))]
    pub(crate) shards: u16,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: Secret::new("sqlite:smswatch.db"),
            key_prefix: "smswatch".to_owned(),
            shards: 16,
        }
    }
}

/// How messages are watched.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WatchSection {
    /// The gaps between two polls of one message, each with up to 10 % of jitter; the last repeats.
    /// Default: `[5s, 10s, 30s, 1m, 5m, 15m, 1h]`.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) schedule: Vec<Span>,
    /// How long a message may be unknown to Routee, or one of its parts missing. One that was known must
    /// be answered 404 for this long before its watch ends. Default: `10m`.
    pub(crate) not_found_grace: Span,
    /// How long a message that does not become final, or whose polls bring nothing while others are
    /// answered, is watched. Default: `74h`.
    pub(crate) give_up_after: Span,
    /// How long after its end a message is polled once more, because statuses can still flip;
    /// `0s` turns it off. Default: `1h`.
    pub(crate) confirm_after: Span,
    /// How long after its end a message is remembered; a mark of it stays for an hour at least.
    /// Default: `7d`.
    pub(crate) retention: Span,
    /// How old a status may be when a source registers its message by itself, to be told at all.
    /// Default: `15m`.
    pub(crate) first_seen_max_age: Span,
    /// How long after it happened an event counts as late. Default: `15m`.
    pub(crate) late_after: Span,
    /// One sweep or several: pages of all messages of the last hours, which find unregistered ones,
    /// and answer for up to 2,000 messages in place of their polls. Default: none.
    pub(crate) sweep: Option<SweepsSection>,
}

impl Default for WatchSection {
    fn default() -> Self {
        let settings = WatchSettings::default();
        Self {
            schedule: settings.schedule.into_iter().map(Span::from).collect(),
            not_found_grace: settings.not_found_grace.into(),
            give_up_after: settings.give_up_after.into(),
            confirm_after: settings.confirm_after.into(),
            retention: settings.retention.into(),
            first_seen_max_age: settings.first_seen_max_age.into(),
            late_after: settings.late_after.into(),
            sweep: None,
        }
    }
}

/// Where the API, the health checks and the metrics are served.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpSection {
    /// The address to listen on. Default: `127.0.0.1:8080`.
    pub(crate) listen: String,
    /// The bearer token of `/v1`; needed when `listen` is not a loopback address.
    #[serde(serialize_with = "hidden_if_any")]
    pub(crate) token: Option<Secret>,
    /// Several tokens, each with a name and what it may do.
    pub(crate) tokens: Vec<TokenSection>,
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.to_owned(),
            token: None,
            tokens: Vec::new(),
        }
    }
}

/// One of several bearer tokens.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSection {
    /// Whose it is, for logs.
    pub(crate) name: String,
    /// The token itself.
    #[serde(serialize_with = "hidden")]
    pub(crate) token: Secret,
    /// What it may do.
    pub(crate) scope: TokenScope,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenScope {
    /// Read.
    Read,
    /// Read and change.
    Write,
}

/// What of a message may be stored and sent.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PrivacySection {
    /// Whether telephone numbers are masked (`+3069******01`) or shown in full. Default: `mask`.
    pub(crate) numbers: NumbersChoice,
    /// What is kept of message texts. A keyed hash of the text without its digits (`body_key`) is
    /// always told, so that messages of one wording can be recognized. Default: `omit`.
    pub(crate) body: BodyChoice,
}

/// How telephone numbers are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NumbersChoice {
    /// The middle is hidden.
    #[default]
    Mask,
    /// As Routee tells them.
    Full,
}

/// Whether message texts are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BodyChoice {
    /// Nothing.
    #[default]
    Omit,
    /// The text with digits, mail addresses and queries of URLs hidden.
    Mask,
    /// The whole text, in which telephone numbers are shown as `numbers` says.
    Keep,
}

/// What is kept of the past.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HistorySection {
    /// Events. Default: `{for: 7d, max: 1000000}`.
    pub(crate) events: BoundSection,
    /// Deliveries that arrived. Default: `{for: 7d, max: 100000}`.
    pub(crate) deliveries: BoundSection,
    /// Deliveries that were given up. Default: `{for: 30d, max: 100000}`.
    pub(crate) dead: BoundSection,
}

impl Default for HistorySection {
    fn default() -> Self {
        let bounds = Settings::DEFAULT_HISTORY;
        Self {
            events: bounds.events.into(),
            deliveries: bounds.deliveries.into(),
            dead: bounds.dead.into(),
        }
    }
}

/// How long and how many.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoundSection {
    /// How long they are kept.
    #[serde(rename = "for")]
    pub(crate) keep_for: Span,
    /// How many are kept at most.
    #[schemars(range(min = 1))]
    pub(crate) max: u64,
}

impl From<Bound> for BoundSection {
    fn from(bound: Bound) -> Self {
        Self {
            keep_for: bound.keep_for.into(),
            max: bound.max,
        }
    }
}

/// When smswatch itself is said to be in trouble, to rules about `provider_down`,
/// `provider_auth_failed` and `polling_behind`.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlarmsSection {
    /// How long every poll must have failed before Routee is down. Default: `1m`.
    pub(crate) provider_down_after: Span,
    /// How long Routee must have refused the credentials. Default: `10s`.
    pub(crate) provider_auth_failed_after: Span,
    /// How late polls must start, and for how long, before polling is behind. Default: `1m`.
    pub(crate) polling_behind_after: Span,
    /// How long trouble must stay away before it is told again. Default: `5m`.
    pub(crate) quiet: Span,
}

impl Default for AlarmsSection {
    fn default() -> Self {
        let settings = AlarmSettings::default();
        Self {
            provider_down_after: settings.provider_down_after.into(),
            provider_auth_failed_after: settings.provider_auth_failed_after.into(),
            polling_behind_after: settings.polling_behind_after.into(),
            quiet: settings.quiet.into(),
        }
    }
}

/// Whom to tell that all is well.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeartbeatSection {
    /// What is asked for with GET while every part of `/readyz` is well; often holds a secret.
    #[serde(serialize_with = "hidden")]
    pub(crate) url: Secret,
    /// How often; the first time after the process has run for this long. Default: `1m`.
    #[serde(default = "heartbeat_every")]
    pub(crate) every: Span,
}

fn heartbeat_every() -> Span {
    Span::from_secs(60)
}
