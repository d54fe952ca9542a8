//! From a file to a configuration: every problem is found and told at once, with its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use smswatch_core::model::PhoneNumber;
use smswatch_core::settings::{Settings, SinkSettings};
use smswatch_core::sink::SinkContext;
use smswatch_rules::{Diagnostic, Document, Level, NumberKey, Options, WishProblem, compile};

use super::document::{
    AlarmsSection, CommonSinkSection, HeartbeatSection, HistorySection, HttpSection,
    PrivacySection, RouteeSection, StoreSection, WatchSection,
};
use super::validate::{Problem, problems};
use super::{
    Configuration, Loaded, Sinks, Source, audience, convert, fallback, files, fingerprint, schema,
};
use crate::report::Failure;
use crate::sink_types::{ConfigureError, MadeSink, SinkTypes};

/// The sinks that could be made, by name.
type MadeSinks = BTreeMap<String, (MadeSink, SinkSettings)>;

/// Where the configuration is looked for when nobody says where it is.
const PLACES: [&str; 2] = ["smswatch.yaml", "config/smswatch.yaml"];

/// The keys of a sink that belong to the framework.
const COMMON: [&str; 8] = [
    "rate",
    "concurrency",
    "timeout",
    "retry",
    "breaker",
    "queue",
    "fallback",
    "fallback_after",
];

/// Reads the configuration from `file`, or from where it usually is.
///
/// # Errors
///
/// There is none, or something is wrong with it.
pub(crate) fn load(types: &SinkTypes, file: Option<&Path>) -> Result<Loaded, Failure> {
    let file = match file {
        Some(file) => file.to_owned(),
        None => usual_place()?,
    };
    let source = Source::of_file(&file).map_err(|error| {
        let message = format!("could not read the configuration: {error}");
        Failure::Configuration(vec![Diagnostic::of_file(
            file.display().to_string(),
            message,
        )])
    })?;
    read(types, source)
}

fn usual_place() -> Result<PathBuf, Failure> {
    let found = PLACES
        .iter()
        .map(PathBuf::from)
        .find(|place| place.is_file());
    found.ok_or_else(|| {
        Failure::Usage(format!(
            "there is no configuration: name one with --config or $SMSWATCH_CONFIG, or put it in {}",
            PLACES.join(" or ")
        ))
    })
}

/// Reads a configuration.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(crate) fn read(types: &SinkTypes, source: Source) -> Result<Loaded, Failure> {
    let name = source.file.display().to_string();
    let (document, mut diagnostics) = Document::salvage(&name, &source.text);
    let Some(mut document) = document else {
        return Err(Failure::Configuration(diagnostics));
    };
    diagnostics.extend(document.substitute(&source.environment));
    let mut reader = Reader {
        types,
        document: &document,
        diagnostics,
    };
    let configuration = reader.configuration();
    let (errors, warnings): (Vec<_>, Vec<_>) = reader
        .diagnostics
        .into_iter()
        .partition(Diagnostic::is_error);
    match configuration {
        Some(configuration) if errors.is_empty() => Ok(Loaded {
            file: source.file,
            configuration,
            warnings,
        }),
        _ => Err(Failure::Configuration(in_order(
            errors.into_iter().chain(warnings),
        ))),
    }
}

/// From the top of the file to its bottom.
fn in_order(diagnostics: impl Iterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<_> = diagnostics.collect();
    let place = |diagnostic: &Diagnostic| diagnostic.place.map(|place| (place.line, place.column));
    diagnostics.sort_by_key(place);
    diagnostics.dedup_by(|a, b| a.message == b.message && place(a) == place(b));
    diagnostics
}

struct Reader<'a> {
    types: &'a SinkTypes,
    document: &'a Document,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn configuration(&mut self) -> Option<Configuration> {
        let whole = schema::internal(self.types);
        let is_text = |pointer: &str| schema::wants_text(&whole, pointer);
        let mut value = self.document.to_json_with(&is_text);
        if value.is_null() {
            value = Value::Object(Map::new());
        }
        let file_problems = files::resolve(&whole, &mut value);
        self.tell(file_problems);
        let shared_part = fingerprint::shared_part(&value);
        // Rules have a compiler of their own, which says more than a schema can.
        if let Some(object) = value.as_object_mut() {
            object.remove("rules");
        }
        let schema_problems = problems(&whole, &value);
        let is_sound = schema_problems.is_empty();
        self.tell(schema_problems);

        let made = self.sinks(&value);
        let fallback_problems = fallback::problems(&value);
        let is_led_somewhere = fallback_problems.is_empty();
        self.tell(fallback_problems);
        let routee: Option<RouteeSection> = self.section(&value, "routee", is_sound);
        let store: Option<StoreSection> = self.section(&value, "store", is_sound);
        let watch: Option<WatchSection> = self.section(&value, "watch", is_sound);
        let http: Option<HttpSection> = self.section(&value, "http", is_sound);
        let privacy: Option<PrivacySection> = self.section(&value, "privacy", is_sound);
        let history: Option<HistorySection> = self.section(&value, "history", is_sound);
        let alarms: Option<AlarmsSection> = self.section(&value, "alarms", is_sound);
        let heartbeat: Option<Option<HeartbeatSection>> =
            self.section(&value, "heartbeat", is_sound);
        let shutdown = self.section(&value, "shutdown_timeout", is_sound);

        let names: Vec<String> = value["sinks"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect();
        let secret = routee
            .as_ref()
            .map(|routee| routee.application_secret.clone());
        let allowed = privacy.as_ref().map(convert::privacy).unwrap_or_default();
        let secret = secret.unwrap_or_else(|| smswatch_core::Secret::new(""));
        let privacy = smswatch_core::Privacy::new(allowed, &secret);
        let rules = self.rules(&value, &names, &made, &privacy);
        let sinks = (made.len() == names.len()).then(|| made_sinks(made));

        // Each finds its own problems before any of them is a reason to end.
        let store = self.converted(store.map(|store| convert::store(&store)));
        let http = self.converted(http.map(convert::http));
        let heartbeat = heartbeat.map(|section| section.map(convert::heartbeat).transpose());
        let heartbeat = self.converted(heartbeat);
        let alarms = self.converted(alarms.map(convert::alarms));
        let settings = routee.as_ref().zip(watch).zip(history);
        let settings = self.converted(settings.map(|((routee, watch), history)| {
            convert::settings(routee, &watch, &history, shutdown.flatten())
        }));
        let routee = self.converted(routee.map(convert::routee));
        // Who is notified is no question while something is wrong.
        if let (Some(rules), false) = (&rules, self.diagnostics.iter().any(Diagnostic::is_error)) {
            self.warn(audience::warnings(&value, rules));
        }
        let settings = Settings {
            alarms: alarms?,
            config_hash: smswatch_core::config_hash(&shared_part, &secret),
            ..settings?
        };
        Some(Configuration {
            routee: routee?,
            store: store?,
            settings,
            privacy,
            http: http?,
            sinks: sinks.filter(|_| is_led_somewhere)?,
            rules: rules?,
            heartbeat: heartbeat?,
        })
    }

    /// A section that fits its schema, as its type; its absence is its default where it has one.
    fn section<T: DeserializeOwned>(
        &mut self,
        value: &Value,
        name: &str,
        is_sound: bool,
    ) -> Option<T> {
        let empty = match name {
            "shutdown_timeout" | "heartbeat" => Value::Null,
            _ => Value::Object(Map::new()),
        };
        let section = value
            .get(name)
            .filter(|section| !section.is_null())
            .cloned()
            .unwrap_or(empty);
        match serde_json::from_value(section) {
            Ok(section) => Some(section),
            Err(error) => {
                // What the schema has found already is not told twice.
                if is_sound {
                    let message = format!("`{name}` does not read well: {error}");
                    self.tell([Problem::new(format!("/{name}"), message)]);
                }
                None
            }
        }
    }

    fn converted<T>(&mut self, converted: Option<Result<T, Vec<Problem>>>) -> Option<T> {
        match converted? {
            Ok(converted) => Some(converted),
            Err(problems) => {
                self.tell(problems);
                None
            }
        }
    }

    /// The sinks that can be made; those that are missing have told why.
    fn sinks(&mut self, value: &Value) -> MadeSinks {
        let wanted = value["sinks"].as_object().into_iter().flatten();
        wanted
            .filter_map(|(name, section)| Some((name.clone(), self.sink(name, section)?)))
            .collect()
    }

    fn sink(&mut self, name: &str, section: &Value) -> Option<(MadeSink, SinkSettings)> {
        let pointer = format!("/sinks/{}", escaped(name));
        let mut own = section.as_object()?.clone();
        let sink_type = self.types.find(own.remove("type")?.as_str()?)?;
        let common: Map<String, Value> = COMMON
            .iter()
            .filter_map(|key| own.remove_entry(*key))
            .collect();
        let common: CommonSinkSection = serde_json::from_value(Value::Object(common)).ok()?;
        let settings = self.converted(Some(convert::sink(&common, &pointer)))?;
        let context = SinkContext::new(name).with_timeout(settings.timeout);
        match sink_type.configure(Value::Object(own), &context) {
            Ok(sink) => Some((sink, settings)),
            // The schema has found it already, with its place.
            Err(ConfigureError::Unreadable(_)) => None,
            Err(error) => {
                let place = match error.key() {
                    Some(key) => format!("{pointer}/{}", escaped(key)),
                    None => pointer,
                };
                self.tell([Problem::new(place, format!("sink `{name}`: {error}"))]);
                None
            }
        }
    }

    fn rules(
        &mut self,
        value: &Value,
        names: &[String],
        sinks: &MadeSinks,
        privacy: &smswatch_core::Privacy,
    ) -> Option<smswatch_rules::RuleBook> {
        let types = self.types;
        let check_wishes = |sink: &str, wishes: &smswatch_core::model::Wishes| {
            let kind = value["sinks"][sink]["type"].as_str().unwrap_or_default();
            let Some(sink_type) = types.find(kind) else {
                return Vec::new();
            };
            let made = sinks.get(sink).map(|(made, _)| made);
            wish_problems(kind, sink_type, made, wishes)
        };
        let keyed = privacy.clone();
        let number_key: NumberKey =
            Arc::new(move |number: &str| keyed.number_key(&PhoneNumber::new(number)));
        let has_fallback = |name: &&String| value["sinks"][*name]["fallback"].is_string();
        let with_fallback: Vec<String> = names.iter().filter(has_fallback).cloned().collect();
        let options = Options {
            sinks: names,
            with_fallback: &with_fallback,
            sinks_file: self.document.file(),
            check_wishes: &check_wishes,
            number_key: &number_key,
            texts_are_kept: privacy.keeps_texts(),
        };
        let compiled = compile(self.document, self.document.find("/rules"), &options);
        let is_sound = !compiled.problems.iter().any(Diagnostic::is_error);
        self.diagnostics.extend(compiled.problems);
        is_sound.then_some(compiled.rules)
    }

    fn tell(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            let diagnostic = self.diagnostic(problem, Level::Error);
            self.diagnostics.push(diagnostic);
        }
    }

    fn warn(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            let diagnostic = self.diagnostic(problem, Level::Warning);
            self.diagnostics.push(diagnostic);
        }
    }

    fn diagnostic(&self, problem: Problem, level: Level) -> Diagnostic {
        let in_mapping = problem
            .key
            .as_ref()
            .map(|key| format!("{}/{}", problem.pointer, escaped(key)));
        let key = in_mapping
            .as_ref()
            .and_then(|pointer| self.document.key(pointer));
        let place = key.map_or_else(|| self.document.place(&problem.pointer), |key| key.place);
        let mut diagnostic = match level {
            Level::Error => self.document.error(place, problem.message),
            Level::Warning => self.document.warning(place, problem.message),
        };
        if let Some(hint) = problem.hint {
            diagnostic = diagnostic.hint(hint);
        }
        diagnostic
    }
}

/// What is wrong with a rule's wishes, by the schema of the sink's type and by the sink itself, where
/// it could be made.
fn wish_problems(
    kind: &str,
    sink_type: &crate::sink_types::SinkType,
    made: Option<&MadeSink>,
    wishes: &smswatch_core::model::Wishes,
) -> Vec<WishProblem> {
    let schema = schema::wishes(sink_type);
    let value = Value::Object(wishes.clone());
    let mut found: Vec<WishProblem> = problems(&schema, &value)
        .into_iter()
        .map(|problem| {
            let first = problem.pointer.split('/').nth(1).map(str::to_owned);
            WishProblem {
                key: problem.key.or(first),
                message: problem.message,
                hint: problem.hint,
            }
        })
        .collect();
    if !found.is_empty() {
        return found;
    }
    let checked = match made {
        Some(made) => made.check_overrides(value),
        None => sink_type
            .read_overrides(value)
            .map_err(ConfigureError::from),
    };
    match checked {
        Ok(()) => {}
        Err(ConfigureError::Unreadable(_)) if schema["properties"].is_null() => {
            found.extend(wishes.keys().map(|key| no_wish(kind, key)));
        }
        Err(error) => found.push(WishProblem {
            key: error.key().map(str::to_owned),
            message: error.to_string(),
            hint: None,
        }),
    }
    found
}

/// The sinks without what only the check of rules needs.
fn made_sinks(made: MadeSinks) -> Sinks {
    let made = made.into_iter();
    made.map(|(name, (made, settings))| (name, (made.sink, settings)))
        .collect()
}

/// A sink of this kind takes no wishes at all.
fn no_wish(kind: &str, key: &str) -> WishProblem {
    WishProblem {
        key: Some(key.to_owned()),
        message: format!("a sink of type `{kind}` takes no `{key}` from a rule"),
        hint: Some("its name is all that a rule can say of it".to_owned()),
    }
}

/// A key as part of a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
