//! A file of scenarios for `smswatch rules test`: what happens to messages, and who must be notified of it.

mod read;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::{Number, Value, json};
use smswatch_plugin::model::Severity;
use smswatch_rules::Span;

pub(super) use self::read::read;

/// Scenarios for the rules of a configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioFile {
    /// The configuration whose rules are tested, seen from the folder of this file. Default: what `--config` says, or
    /// the usual place.
    pub(super) config: Option<String>,
    /// The scenarios; each begins with no message.
    #[schemars(length(min = 1))]
    pub(super) tests: Vec<Scenario>,
}

/// What happens, and who must be notified of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What the scenario shows, such as `a lost one-time code wakes the person on call`.
    #[schemars(length(min = 1))]
    pub(super) name: String,
    /// What happens, in order.
    #[schemars(length(min = 1))]
    pub(super) given: Vec<Given>,
    /// All notifications that are made, in any order; `[]` for none. What is left out of an entry is not compared.
    pub(super) expect: Vec<Expected>,
    /// The moment at which it begins, for rules that look at the clock, such as `2026-03-01T02:30:00Z`. Default: noon
    /// on 1 January 2026, UTC.
    #[serde(default)]
    pub(super) begin: Option<String>,
    /// When the scenario ends, counted from its beginning. Default: with the last thing that is given or expected.
    #[serde(default)]
    pub(super) until: Option<Span>,
}

/// What happens at one moment: a poll of a message sees something, or something happens to smswatch itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// When, counted from the beginning of the scenario.
    pub(super) at: Span,
    /// The message; what is known of it already need not be said again. Default: the one before.
    #[serde(default)]
    pub(super) message: Option<MessageSection>,
    /// How many messages like this one there are, for rules that count. Their ids are the message's with `-1`, `-2`
    /// and so on behind it. Default: 1, with the message's own id.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10000))]
    pub(super) times: Option<u32>,
    /// The status of the message's only part. Without a status and `parts`, the message is registered, and Routee does
    /// not know it yet.
    #[serde(default)]
    pub(super) status: Option<String>,
    /// Its finer status, such as `Carrier Violation`.
    #[serde(default)]
    pub(super) detailed_status: Option<String>,
    /// Routee's free text on the status.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// When the status was taken, counted from the beginning of the scenario. Default: `at`.
    #[serde(default)]
    pub(super) happened_at: Option<Span>,
    /// What the part cost.
    #[serde(default)]
    pub(super) price: Option<Number>,
    /// Routee's latency.
    #[serde(default)]
    pub(super) latency: Option<Number>,
    /// The parts, for a message of several.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) parts: Option<Vec<PartSection>>,
    /// What happens to smswatch itself, instead of to a message.
    #[serde(default)]
    pub(super) event: Option<OwnEvent>,
    /// What it happens to: a sink, or `routee`.
    #[serde(default)]
    pub(super) about: Option<String>,
}

/// What can happen to smswatch itself.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OwnEvent {
    /// A sink keeps failing.
    SinkDown,
    /// A sink works again.
    SinkRecovered,
    /// Deliveries to a sink were given up.
    DeadLetter,
    /// Routee gives no usable answer.
    ProviderDown,
    /// Routee refuses the credentials.
    ProviderAuthFailed,
    /// Polls start late.
    PollingBehind,
    /// No callback arrives any more.
    CallbacksSilent,
}

/// A message.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MessageSection {
    /// Its id. Default: the message before, or `m-1`.
    #[schemars(length(min = 1, max = 200))]
    pub(super) message_id: Option<String>,
    /// The sender as the recipient sees it.
    pub(super) from: Option<String>,
    /// The recipient's number, in full.
    pub(super) to: Option<String>,
    /// The recipient's country, such as `GR`.
    pub(super) country: Option<String>,
    /// The recipient's mobile operator.
    pub(super) operator: Option<String>,
    /// The label given at sending.
    pub(super) label: Option<String>,
    /// The campaign's name.
    pub(super) campaign: Option<String>,
    /// The application that sent it.
    pub(super) application: Option<String>,
    /// Routee's service that it came from.
    pub(super) originating_service: Option<String>,
    /// The text that was sent.
    pub(super) body: Option<String>,
    /// The recipient's groups.
    pub(super) groups: Option<Vec<String>>,
    /// `Outbound` or `Inbound`.
    pub(super) direction: Option<String>,
    /// How many parts it has. Default: as many as are given.
    #[schemars(range(min = 1, max = 255))]
    pub(super) part_count: Option<u32>,
    /// Tags of its registration.
    pub(super) tags: std::collections::BTreeMap<String, String>,
}

/// One part of a message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartSection {
    /// Its place among the parts, from 1.
    #[schemars(range(min = 1, max = 255))]
    pub(super) number: u32,
    /// Its status.
    #[schemars(length(min = 1))]
    pub(super) status: String,
    /// Its finer status.
    #[serde(default)]
    pub(super) detailed_status: Option<String>,
    /// Routee's free text on the status.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// When the status was taken, counted from the beginning of the scenario. Default: `at`.
    #[serde(default)]
    pub(super) happened_at: Option<Span>,
    /// What the part cost.
    #[serde(default)]
    pub(super) price: Option<Number>,
    /// Routee's latency.
    #[serde(default)]
    pub(super) latency: Option<Number>,
}

/// A notification.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// The rule that notifies.
    #[serde(default)]
    pub(super) rule: Option<String>,
    /// The sink that is notified.
    #[serde(default)]
    pub(super) sink: Option<String>,
    /// When, counted from the beginning of the scenario. What is due may come late by a 64th of the time, at least a
    /// second.
    #[serde(default)]
    pub(super) at: Option<Span>,
    /// How much it matters.
    #[serde(default)]
    pub(super) severity: Option<Severity>,
    /// The title, as a pattern of `match`: a text, a glob with `*`, `/a regular expression/`, or `!x` for not x.
    #[serde(default)]
    pub(super) title: Option<String>,
    /// The text, as such a pattern.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// By what it is held back, as such a pattern, such as `maintenance:night`. Default: it is not.
    #[serde(default)]
    pub(super) held_back: Option<String>,
}

/// The schema of a file of scenarios.
pub(crate) fn schema() -> Value {
    let mut generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut root = <ScenarioFile as JsonSchema>::json_schema(&mut generator).to_value();
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("smswatch scenarios");
    root["$defs"] = Value::Object(generator.take_definitions(true));
    root
}
