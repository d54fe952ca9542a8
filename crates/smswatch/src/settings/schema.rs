//! The JSON Schema of the configuration file: made from the types, completed by the sinks' own.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use smswatch_plugin::Secret;
use smswatch_rules::{MaintenanceDocument, RuleDocument};

use super::document::{
    AlarmsSection, CallbacksSection, CommonSinkSection, HeartbeatSection, HistorySection,
    HttpSection, PrivacySection, RouteeSection, StoreSection, TracesSection, WatchSection,
};
use super::walk::{self, SecretForm};
use crate::sink_types::{SinkType, SinkTypes};

/// The file as a whole, for its schema; sinks and rules are read by others.
#[derive(JsonSchema)]
#[schemars(title = "smswatch configuration", deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct File {
    /// How to reach Routee.
    routee: RouteeSection,
    /// Where everything is kept.
    #[schemars(default)]
    store: StoreSection,
    /// How messages are watched.
    #[schemars(default)]
    watch: WatchSection,
    /// How what Routee pushes is taken in. Default: it is not.
    #[schemars(default)]
    callbacks: Option<CallbacksSection>,
    /// Where the API, the health checks and the metrics are served.
    #[schemars(default)]
    http: HttpSection,
    /// What of a message may be stored and sent.
    #[schemars(default)]
    privacy: PrivacySection,
    /// What is kept of the past.
    #[schemars(default)]
    history: HistorySection,
    /// When smswatch itself is said to be in trouble, to rules about `provider_down`,
    /// `provider_auth_failed` and `polling_behind`.
    #[schemars(default)]
    alarms: AlarmsSection,
    /// Who can act on which detailed status or status, where you know better than the built-in table:
    /// `sender`, `recipient`, `carrier` or `none`. Case does not matter.
    /// Example: `{Carrier Violation: carrier}`. Default: nothing.
    #[schemars(default)]
    fault: std::collections::BTreeMap<String, smswatch_plugin::model::Fault>,
    /// A dead man's switch to tell that all is well. Default: none.
    #[schemars(default)]
    heartbeat: Option<HeartbeatSection>,
    /// Where traces of what is observed and told go, in OpenTelemetry's protocol. Default: nowhere.
    #[schemars(default)]
    traces: Option<TracesSection>,
    /// Through which proxy every HTTP client goes (Routee, heartbeat, Slack, webhooks): `env` for what
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, `none`, or a URL such as
    /// `http://proxy.example.com:3128` or `socks5h://127.0.0.1:1080`. Default: `env`.
    #[schemars(default)]
    proxy: Option<Secret>,
    /// How long the end of the process may take, all in all. Default: `10s`.
    #[schemars(default)]
    shutdown_timeout: Option<smswatch_rules::Span>,
    /// Where notifications go, by a name of your own.
    #[schemars(default)]
    sinks: Map<String, Value>,
    /// Times that come again and again, in which what you expect is not told.
    #[schemars(default)]
    maintenance: Vec<MaintenanceDocument>,
    /// Which events matter and who is notified of them; all are tried, from top to bottom.
    #[schemars(default)]
    rules: Vec<RuleDocument>,
}

/// The schema as editors use it: every secret also has its `…_file` form.
pub(crate) fn published(types: &SinkTypes) -> Value {
    let whole = internal(types);
    let mut schema = whole.clone();
    add_file_forms(&whole, &mut schema);
    schema
}

/// The schema that a file must fit once its `…_file` values are read.
pub(crate) fn internal(types: &SinkTypes) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = <File as JsonSchema>::json_schema(&mut generator).to_value();
    root["properties"]["sinks"]["additionalProperties"] = any_sink(types, &mut generator);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("smswatch configuration");
    // Where defaults are told, the descriptions tell them in the words of the file.
    remove_defaults(&mut root);
    let mut definitions = Value::Object(generator.take_definitions(true));
    remove_defaults(&mut definitions);
    root["$defs"] = definitions;
    root
}

/// A sink of any type: the type chooses what else there can be.
fn any_sink(types: &SinkTypes, generator: &mut SchemaGenerator) -> Value {
    let names: Vec<&str> = types.iter().map(|(name, _)| name).collect();
    let choices: Vec<Value> = types
        .iter()
        .map(|(name, sink_type)| {
            json!({
                "if": { "properties": { "type": { "const": name } }, "required": ["type"] },
                "then": one_sink(name, sink_type, generator),
            })
        })
        .collect();
    json!({
        "type": "object",
        "description": "A destination; `type` says of which kind.",
        "properties": { "type": { "type": "string", "enum": names } },
        "required": ["type"],
        "allOf": choices,
    })
}

fn one_sink(name: &str, sink_type: &SinkType, generator: &mut SchemaGenerator) -> Value {
    let schema = sink_type.config_schema(generator);
    let mut own = resolved(schema, generator);
    let common = generator.subschema_for::<CommonSinkSection>();
    let common = resolved(common, generator);
    let mut properties = Map::new();
    properties.insert(
        "type".to_owned(),
        json!({ "const": name, "description": "The kind." }),
    );
    for source in [&own, &common] {
        if let Some(found) = source["properties"].as_object() {
            properties.extend(found.clone());
        }
    }
    own["properties"] = Value::Object(properties);
    own["additionalProperties"] = json!(false);
    own
}

/// The schema itself where it only refers to a definition.
fn resolved(schema: Schema, generator: &SchemaGenerator) -> Value {
    let value = schema.to_value();
    let name = value["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next());
    let definition = name
        .and_then(|name| generator.definitions().get(name))
        .cloned();
    definition.unwrap_or(value)
}

fn remove_defaults(value: &mut Value) {
    match value {
        Value::Object(object) => {
            // A property may well be called `default`; a default beside a type is meant here.
            if ["type", "$ref", "anyOf"]
                .iter()
                .any(|keyword| object.contains_key(*keyword))
            {
                object.remove("default");
            }
            object.values_mut().for_each(remove_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_defaults),
        _ => {}
    }
}

/// Lets every secret be given as the name of a file that holds it.
fn add_file_forms(whole: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            object
                .values_mut()
                .for_each(|value| add_file_forms(whole, value));
            let own = Value::Object(object.clone());
            // What stands in `allOf` is completed where it stands.
            for (name, form) in walk::secrets(whole, &[&own], &Value::Null) {
                if let Some(properties) = object.get_mut("properties") {
                    properties[format!("{name}_file")] = file_form(&name, form);
                }
                let_either_be_there(object, &name);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| add_file_forms(whole, item)),
        _ => {}
    }
}

/// The schema of `NAME_file`: that of `name`, with names of files in place of secrets.
fn file_form(name: &str, form: SecretForm) -> Value {
    match form {
        SecretForm::One => json!({
            "type": "string",
            "description": format!("A file that holds `{name}`."),
        }),
        SecretForm::List => json!({
            "type": "array",
            "items": { "type": "string" },
            "description": format!("Files that hold `{name}`, one each."),
        }),
        SecretForm::Mapping => json!({
            "type": "object",
            "additionalProperties": { "type": "string" },
            "description": format!("Files that hold the values of `{name}`, one each."),
        }),
    }
}

/// Where `name` is required, it or its file is.
fn let_either_be_there(object: &mut Map<String, Value>, name: &str) {
    let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) else {
        return;
    };
    let n_required = required.len();
    required.retain(|property| *property != name);
    if required.len() == n_required {
        return;
    }
    let file = format!("{name}_file");
    let either = json!({ "anyOf": [{ "required": [name] }, { "required": [file] }] });
    let all = object.entry("allOf").or_insert_with(|| json!([]));
    if let Some(all) = all.as_array_mut() {
        all.push(either);
    }
}

/// The schema of a rule's overrides of one kind of sink.
pub(super) fn overrides(sink_type: &SinkType) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schema = sink_type.overrides_schema(&mut generator);
    let mut root = resolved(schema, &generator);
    root["$defs"] = Value::Object(generator.take_definitions(true));
    root
}
