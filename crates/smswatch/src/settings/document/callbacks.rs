//! What an operator writes about callbacks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use smswatch_core::settings::CallbackSettings;
use smswatch_plugin::Secret;
use smswatch_rules::Span;

use super::HIDDEN;

/// How what Routee pushes is taken in.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallbacksSection {
    /// The last segment of the callback's path: `/callbacks/routee/SECRET`. A list while it is changed: each of
    /// them is accepted.
    pub(crate) secret: SecretsSection,
    /// Whether a callback about an unregistered message starts a watch. Default: `true`.
    #[serde(default = "register")]
    pub(crate) register: bool,
    /// How long such a callback waits for the registration of its message, with its tags. Default: `3s`.
    #[serde(default = "hold")]
    pub(crate) hold: Span,
    /// The address of a listener that serves callbacks and nothing else, such as `0.0.0.0:8081`.
    /// Default: callbacks are served at `http.listen` alone.
    #[serde(default)]
    pub(crate) listen: Option<String>,
    /// Whether a callback is not believed and only has its message polled at once. Default: `false`.
    #[serde(default)]
    pub(crate) confirm: bool,
    /// The networks from which callbacks are accepted, such as `203.0.113.0/24`. Default: all.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// By how much the gaps of `watch.schedule` are stretched for messages of which callbacks tell, as long as
    /// callbacks arrive; `1` polls them like all others. Default: 12.
    #[serde(default = "stretch")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) stretch: u32,
    /// How long messages must become final without a callback before `callbacks_silent` is told, and polls are
    /// not stretched any more. Default: `10m`.
    #[serde(default = "silent_after")]
    pub(crate) silent_after: Span,
    /// How many unregistered messages are accepted in a minute, all replicas together. Routee
    /// repeats what is beyond it. Default: 30000.
    #[serde(default = "new_per_minute")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) new_per_minute: u32,
}

/// One secret, or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum SecretsSection {
    /// One.
    One(Secret),
    /// Several, each of which is accepted.
    Several(#[schemars(length(min = 1))] Vec<Secret>),
}

impl SecretsSection {
    /// All of them.
    pub(crate) fn all(self) -> Vec<Secret> {
        match self {
            Self::One(secret) => vec![secret],
            Self::Several(secrets) => secrets,
        }
    }
}

impl Serialize for SecretsSection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(_) => HIDDEN.serialize(serializer),
            Self::Several(secrets) => vec![HIDDEN; secrets.len()].serialize(serializer),
        }
    }
}

fn register() -> bool {
    CallbackSettings::default().register
}

fn hold() -> Span {
    CallbackSettings::default().hold.into()
}

fn stretch() -> u32 {
    CallbackSettings::default().stretch
}

fn silent_after() -> Span {
    CallbackSettings::default().silent_after.into()
}

fn new_per_minute() -> u32 {
    CallbackSettings::default().new_per_minute
}
