//! The configuration file as an operator writes it; doc comments become the schema's descriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use smswatch_plugin::Secret;
use smswatch_rules::Span;

/// What `store.key_prefix` must look like.
pub(super) const KEY_PREFIX: &str = r"^[A-Za-z0-9_.:-]{1,64}$";

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
    /// How long a message that does not become final, or whose answers cannot be read, is watched.
    /// Default: `74h`.
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
}

impl Default for WatchSection {
    fn default() -> Self {
        Self {
            schedule: [5, 10, 30, 60, 300, 900, 3600]
                .map(Span::from_secs)
                .to_vec(),
            not_found_grace: Span::from_secs(10 * 60),
            give_up_after: Span::from_secs(74 * 3600),
            confirm_after: Span::from_secs(3600),
            retention: Span::from_secs(7 * 86_400),
            first_seen_max_age: Span::from_secs(15 * 60),
            late_after: Span::from_secs(15 * 60),
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
            listen: "127.0.0.1:8080".to_owned(),
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
        let days = |days: u64, max| BoundSection {
            keep_for: Span::from_secs(days * 86_400),
            max,
        };
        Self {
            events: days(7, 1_000_000),
            deliveries: days(7, 100_000),
            dead: days(30, 100_000),
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
        Self {
            provider_down_after: Span::from_secs(60),
            provider_auth_failed_after: Span::from_secs(10),
            polling_behind_after: Span::from_secs(60),
            quiet: Span::from_secs(5 * 60),
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
    /// How often; the first time after the process has run for so long. Default: `1m`.
    #[serde(default = "heartbeat_every")]
    pub(crate) every: Span,
}

fn heartbeat_every() -> Span {
    Span::from_secs(60)
}

/// What every sink understands, whatever its type.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CommonSinkSection {
    /// How many attempts all replicas make together in any such time, as in `{at_most: 10, per: 1s}`.
    /// Default: as many as there are.
    pub(crate) rate: Option<RateSection>,
    /// How many attempts of one replica run at once. Default: 8.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) concurrency: Option<usize>,
    /// How long an attempt may take, at most `35s`. Default: `30s`.
    pub(crate) timeout: Option<Span>,
    /// When a failed delivery is tried again.
    pub(crate) retry: Option<RetrySection>,
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
}

/// How many deliveries may wait.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueSection {
    /// Beyond so many the oldest ones below `critical` are given up, with the reason `queue_full`.
    /// Default: 100000.
    #[serde(default = "queue_max")]
    #[schemars(range(min = 1))]
    pub(crate) max: u64,
}

fn queue_max() -> u64 {
    100_000
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
        Self {
            failures: 5,
            probe: Span::from_secs(30),
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
        Self {
            schedule: [5, 30, 120, 600, 3600, 10_800]
                .map(Span::from_secs)
                .to_vec(),
            give_up_after: Span::from_secs(86_400),
        }
    }
}

/// What is shown in place of a secret.
pub(super) const HIDDEN: &str = "[hidden]";

fn hidden<S: Serializer>(_: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(HIDDEN)
}

fn hidden_if_any<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| HIDDEN).serialize(serializer)
}

fn without_login<S: Serializer>(url: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(url))
}

fn proxy_without_login<S: Serializer>(
    url: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    url.as_ref().map(shown).serialize(serializer)
}

/// A URL whose login and query are hidden.
pub(super) fn shown(url: &Secret) -> String {
    let url = url.reveal();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, address)) => format!("{HIDDEN}@{address}"),
        None => rest.to_owned(),
    };
    match rest.split_once('?') {
        Some((address, _)) => format!("{scheme}://{address}?{HIDDEN}"),
        None => format!("{scheme}://{rest}"),
    }
}
