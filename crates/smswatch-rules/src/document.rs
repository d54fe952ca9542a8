//! A rule as an operator writes it; doc comments become the schema's descriptions.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smswatch_model::Severity;

use smswatch_plugin::Span;

/// Which events matter, and who is notified of them. All rules are tried from top to bottom and all
/// that match fire; a destination (a sink, together with what the rule asks of it) is notified of one
/// event once, by the first rule that names it.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = without_null)]
pub struct RuleDocument {
    /// A name of your own; no other rule has it. It stands in every notification.
    /// Example: `carrier-violation`.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// The kind of event, a list of kinds, or `any`: `status_changed` (a part took a status), `stuck` (the message has no final status
    /// within `after`), `not_found` (Routee still does
    /// not know the message after `watch.not_found_grace`), `gave_up` (still not final at
    /// `watch.give_up_after`), `unknown_status` (a status that Routee does not document, told once),
    /// `campaign_finished` (each message of a campaign that is followed has ended), `rate` (too many of the
    /// status changes are of some sort), or what happens to smswatch itself: `sink_down`, `sink_recovered`,
    /// `dead_letter` (deliveries to a sink were given up), `provider_down`, `provider_auth_failed`, `polling_behind`,
    /// `callbacks_silent` (messages become final and no callback tells of it). Default: `status_changed`.
    pub event: Option<EventDocument>,
    /// For `stuck`: how long after its registration a message may have no final status. Messages that
    /// have one by then are not told. Example: `2m`.
    pub after: Option<Span>,
    /// A rule with `event: rate`, or several: while its alert fires for the values that an event has, this rule does
    /// not tell the event. It is kept as suppressed, and a rule below may tell it. Default: none.
    /// Example: `undelivered-rate`.
    pub unless_firing: Option<NamesDocument>,
    /// For `rate` and `stuck`: how long after it was told it is told again, while it lasts, from `1s` to `7d`.
    /// Default: it is told once. Example: `30m`.
    pub repeat: Option<Span>,
    /// For `rate`: what must hold of those status changes that count. Example: `{status: [Undelivered, Failed]}`.
    pub count: Option<MatchDocument>,
    /// For `rate`: among which status changes. Default: all. Example: `{final: true}`.
    pub among: Option<MatchDocument>,
    /// For `rate`: keys of `match`; each combination of their values is measured by itself. Default: all
    /// together. Example: `[country, operator]`.
    pub by: Option<NamesDocument>,
    /// For `rate`: how long the window is, from `1s` to `7d`. Example: `15m`.
    pub over: Option<Span>,
    /// For `rate`: above which share, or number of status changes, it is an alert; `usual × 3` and `usual + 5 points`
    /// compare with the share at the same hour of the last seven days. Example: `8%` or `20`.
    pub above: Option<BoundDocument>,
    /// For `rate`: below what the alert is resolved. Default: the same as `above`. Example: `5%`.
    pub clear_below: Option<BoundDocument>,
    /// For `rate` with `above: usual …`: the share above which it is an alert until two days are known. Default: `10%`.
    pub until_usual: Option<BoundDocument>,
    /// For `rate`: how many status changes there must be in the window. Default: `1`. Example: `50`.
    #[schemars(range(min = 1))]
    pub at_least: Option<u64>,
    /// For `rate`: for how long it must be above its bound. Default: `0s`. Example: `2m`.
    #[schemars(rename = "for")]
    pub lasting: Option<Span>,
    /// What must hold of the event; every key must. Default: nothing, so every event matches.
    /// Example: `{status: [Undelivered, Failed], country: "!GR", label: "otp-*"}`.
    #[schemars(rename = "match")]
    pub matching: Option<MatchDocument>,
    /// An expression over `event`, in the language of templates, for what `match` cannot say.
    /// Example: `event.part.price > 0.05 and event.message.part_count > 1`.
    #[schemars(length(min = 1))]
    pub when: Option<String>,
    /// `message`: the rule tells of each message once. A later event of the message may be told by a rule
    /// below. Default: each event is told.
    pub once_per: Option<OncePerDocument>,
    /// Gathers events that share some values into one notification. Default: each is told at once.
    /// Example: `{by: [country, operator], wait: 30s, interval: 5m, max: 50}`.
    pub group: Option<GroupDocument>,
    /// How many notifications of this rule each of its destinations gets at most. What is beyond that is kept as
    /// suppressed, and a rule below may tell it. Default: all. Example: `{at_most: 5, per: 1h}`.
    pub throttle: Option<ThrottleDocument>,
    /// How much it matters: `info`, `warning` or `critical`. Default: `warning`.
    pub severity: Option<Severity>,
    /// Whether no rule below is tried for the events that this one matched. Default: `false`.
    pub stop: Option<bool>,
    /// Who is notified: names of sinks, or objects for what this rule alone asks of one. Two channels
    /// of one sink are two destinations. Only a rule with `stop: true` may leave it out: it keeps
    /// events from the rules below.
    /// Example: `[oncall-mail, {sink: ops-slack, channel: "#sms"}]`.
    pub notify: Option<Vec<TargetDocument>>,
    /// Titles and texts of one's own. Default: titles and texts that say it in plain words.
    pub template: Option<TemplateDocument>,
    /// Where a person can look further, such as a runbook or a dashboard, at most 10. Default: none.
    /// Example: `[{title: Runbook, url: "https://wiki.example.com/sms/{{ events[0].message.country }}"}]`.
    #[schemars(length(max = 10))]
    pub links: Option<Vec<LinkDocument>>,
}

/// Where a person can look further. Both are in the language of minijinja, over the fields of a payload's
/// `data`.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LinkDocument {
    /// What is found there.
    pub title: String,
    /// Where it is: an address that begins with `http://` or `https://`. Values are encoded.
    pub url: String,
}

/// A bound of a rate: a percentage, a number of status changes, or what is usual and how much more.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum BoundDocument {
    /// A percentage, such as `8%`.
    Percent(#[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?%$"))] String),
    /// More than usual, such as `usual × 3` or `usual + 5 points`.
    Usual(
        #[schemars(regex(
            pattern = r"^usual *([×x*] *[0-9]+(\.[0-9]+)?|\+ *[0-9]+(\.[0-9]+)? *points?)$"
        ))]
        String,
    ),
    /// How many.
    Count(u64),
}

/// The kinds of events that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum EventDocument {
    /// One kind, or `any`.
    One(EventWord),
    /// Several kinds.
    Several(#[schemars(length(min = 1))] Vec<EventWord>),
}

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum EventWord {
    /// Events of every kind.
    Any,
    /// A part took a status, or was seen for the first time.
    StatusChanged,
    /// The message has no final status within `after`.
    Stuck,
    /// Routee still does not know the message.
    NotFound,
    /// The message was watched for as long as the configuration allows, and is not final.
    GaveUp,
    /// Routee told a status that it does not document, for the first time.
    UnknownStatus,
    /// Each message of a campaign that is followed has ended, or it is not followed any longer.
    CampaignFinished,
    /// A rate rises above a bound, or falls below it again.
    Rate,
    /// A sink keeps failing; what is for it waits. Tell it to another sink.
    SinkDown,
    /// A sink that was down works again.
    SinkRecovered,
    /// Deliveries to a sink were given up. Tell it to another sink.
    DeadLetter,
    /// Routee keeps giving no usable answer.
    ProviderDown,
    /// Routee refuses the credentials.
    ProviderAuthFailed,
    /// Polls of messages start long after they were due.
    PollingBehind,
    /// Messages become final and no callback tells of it any more.
    CallbacksSilent,
}

/// What must hold of an event.
///
/// A list means any of its entries; `!x` means not x, and several of them mean none of these; `*`
/// stands for any text; `/x/` is a regular expression; `""` means that there is no value, and `"!"`
/// that there is one. Case does not matter. Where there is no value, only `""` and negations hold.
/// `tags.NAME` is a tag of the message's watch.
#[derive(Debug, Clone, PartialEq, Default, JsonSchema)]
#[schemars(deny_unknown_fields, transform = without_null, transform = with_tags)]
pub struct MatchDocument {
    /// The status, such as `Undelivered`.
    pub status: Option<PatternDocument>,
    /// The finer status, such as `Carrier Violation`; `""` where there is none.
    pub detailed_status: Option<PatternDocument>,
    /// The status before the change; there is none at first sight.
    pub previous_status: Option<PatternDocument>,
    /// Routee's free text on the status.
    pub description: Option<PatternDocument>,
    /// The recipient's country, such as `GR`.
    pub country: Option<PatternDocument>,
    /// The recipient's mobile operator.
    pub operator: Option<PatternDocument>,
    /// The sender, as the recipient sees it.
    pub from: Option<PatternDocument>,
    /// The recipient's number: in full, as `+306900000001`, or with `*`, as `+3069*`. Of a masked
    /// number, `*` sees what is not masked.
    pub to: Option<PatternDocument>,
    /// The keyed hash of the recipient's number, as events tell it.
    pub to_key: Option<PatternDocument>,
    /// The label given at sending.
    pub label: Option<PatternDocument>,
    /// The campaign's name.
    pub campaign: Option<PatternDocument>,
    /// The application that sent it.
    pub application: Option<PatternDocument>,
    /// Routee's service that it came from, such as `Sms` or `Failover`.
    pub originating_service: Option<PatternDocument>,
    /// The keyed hash of the text without its digits, as events tell it.
    pub body_key: Option<PatternDocument>,
    /// The text, where `privacy.body` keeps it.
    pub body: Option<PatternDocument>,
    /// Any of the recipient's groups.
    pub groups: Option<PatternDocument>,
    /// `Outbound` or `Inbound`.
    pub direction: Option<PatternDocument>,
    /// Who told it: `poll`, `sweep` or `callback`.
    pub source: Option<PatternDocument>,
    /// How the whole message did: `delivered`, `failed` or `pending`.
    pub outcome: Option<PatternDocument>,
    /// Who can act: `sender`, `recipient`, `carrier` or `none`.
    pub fault: Option<PatternDocument>,
    /// Whether the part has reached its end.
    #[schemars(rename = "final")]
    pub is_final: Option<bool>,
    /// Whether the status left a final one.
    pub regression: Option<bool>,
    /// Whether only a detail was added to a status that had none.
    pub refined: Option<bool>,
    /// Whether it was noticed long after it happened.
    pub late: Option<bool>,
    /// Whether the part was seen for the first time.
    pub first_seen: Option<bool>,
}

/// A time that comes again and again, in which what it matches is not told but kept as suppressed.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = without_null)]
pub struct MaintenanceDocument {
    /// A name of your own; no other window has it. What is held back tells it as `maintenance:NAME`.
    /// Default: its number, from 1.
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    /// When it opens: minute, hour, day of the month, month and day of the week, as in a crontab.
    /// Example: `"0 2 * * 0"` for Sundays at 2:00.
    pub cron: String,
    /// The time zone of `cron`. Example: `Europe/Athens`. Default: `UTC`.
    pub timezone: Option<String>,
    /// How long it stays open, at most `31d`.
    pub duration: crate::Span,
    /// What is not told meanwhile.
    /// Example: `{country: GR, rule: "undelivered*"}`.
    #[schemars(rename = "match")]
    pub matching: Option<HoldBackDocument>,
    /// Whether nothing at all is told; `match` is missing then. Default: `false`.
    pub everything: Option<bool>,
}

/// What is not told: the keys of a rule's `match`, and `event`, `rule`, `severity` and `sink`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldBackDocument(());

impl JsonSchema for HoldBackDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HoldBackDocument".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = MatchDocument::json_schema(generator);
        let patterns = generator.subschema_for::<PatternDocument>();
        let mut own = Vec::new();
        for (key, description) in [
            ("event", "The kind of event, as rules name it."),
            ("rule", "The rule that would tell it."),
            ("severity", "How much it matters to the rule."),
            ("sink", "The sink that would be told."),
        ] {
            let mut property = patterns.clone();
            property.insert("description".to_owned(), json!(description));
            own.push((key.to_owned(), property.to_value()));
        }
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        if let Some(properties) = properties {
            properties.extend(own);
        }
        schema
    }
}

/// What a rule tells of once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum OncePerDocument {
    /// Each message.
    Message,
}

/// How a rule gathers events into one notification. Events of different kinds, and those for different
/// destinations, are never in one group.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, transform = without_null)]
pub struct GroupDocument {
    /// The keys whose values the events of a group share: those of `match` that are texts of a status or a
    /// message, such as `country`, `operator`, `from`, `label`, `campaign`, `application`, `fault`, `status`, `detailed_status`,
    /// `tags.NAME`; or `message`. Not `to`, `groups`, `body` and `description`. Default: none, so that all events of the
    /// rule are one group. Example: `[country, operator]`.
    pub by: Option<NamesDocument>,
    /// How long a group waits for more events before its first notification. Default: `30s`.
    pub wait: Option<Span>,
    /// How long lies between two notifications of a group, at least `1s`. A group that has no event for as long is forgotten.
    /// Default: `5m`.
    pub interval: Option<Span>,
    /// How many events a notification shows; the others are counted in `omitted`. Default: 50.
    #[schemars(range(min = 1, max = 1000))]
    pub max: Option<u32>,
}

/// How many notifications a destination gets at most.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ThrottleDocument {
    /// How many, from 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub at_most: u32,
    /// In any time of this length, from `1s` to `7d`.
    pub per: Span,
}

/// One name, or several.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum NamesDocument {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// A pattern, or several of which any must fit.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum PatternDocument {
    /// One pattern.
    One(#[schemars(length(max = 1000))] String),
    /// Several.
    Several(#[schemars(length(min = 1, max = 1000))] Vec<String>),
}

/// The name of a sink, or an object with its name in `sink` and what this rule alone wants of it,
/// such as another Slack channel or other recipients of a mail: what, depends on the sink's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetDocument(());

impl JsonSchema for TargetDocument {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TargetDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let sink = json!({ "type": "string", "description": "The sink's name.", "minLength": 1 });
        json_schema!({
            "description": "A sink's name, or an object with it and what this rule alone wants of it.",
            "anyOf": [
                sink,
                { "type": "object", "properties": { "sink": sink }, "required": ["sink"] },
            ],
        })
    }
}

/// A title and a text in the language of minijinja, over the fields of a payload's `data`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct TemplateDocument {
    /// What happened, in one line; `title` is the default title.
    /// Example: `{{ events[0].current.status }} in {{ events[0].message.country }}`.
    pub title: Option<String>,
    /// What happened, in a few lines; `text` is the default text.
    pub text: Option<String>,
}

/// Beside its own keys, `match` takes those that begin with `tags.`.
fn with_tags(schema: &mut Schema) {
    schema.insert(
        "patternProperties".to_owned(),
        json!({ r"^tags\..+$": { "$ref": "#/$defs/PatternDocument" } }),
    );
}

/// A key that may be left out still cannot be given without a value.
fn without_null(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties
        .into_iter()
        .flat_map(|properties| properties.values_mut())
    {
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                property.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                property.remove("anyOf");
                property.extend(only);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_a_rule_tells_every_key_and_refuses_others() {
        insta::assert_json_snapshot!(schemars::schema_for!(RuleDocument));
    }

    #[test]
    fn the_schema_knows_the_same_keys_of_match_as_the_rules() {
        let schema = schemars::schema_for!(MatchDocument);
        let properties = schema.as_value()["properties"]
            .as_object()
            .expect("properties");
        let mut known: Vec<&str> = crate::field::MATCH_KEYS
            .iter()
            .map(|(key, _)| *key)
            .collect();
        let mut told: Vec<&str> = properties.keys().map(String::as_str).collect();
        known.sort_unstable();
        told.sort_unstable();
        assert_eq!(known, told);
    }
}
