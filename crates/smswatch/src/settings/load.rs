//! From a file to a configuration: every problem is found and told at once, with its place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use smswatch_core::settings::Settings;
use smswatch_http::HttpOptions;
use smswatch_plugin::model::{Fault, FaultTable, PhoneNumber};
use smswatch_plugin::{Proxy, Secret};
use smswatch_rules::{
    Diagnostic, Document, Node, NumberKey, Options, compile, compile_maintenance,
};

use super::document::{
    AlarmsSection, CallbacksSection, HeartbeatSection, HistorySection, HttpSection, PrivacySection,
    RouteeSection, StoreSection, TracesSection, WatchSection,
};
use super::problem::Problem;
use super::reader::Reader;
use super::sections::Sections;
use super::sinks::{OverrideChecks, made_sinks};
use super::validate::problems;
use super::{
    Configuration, Loaded, Source, audience, callbacks, convert, effective, empty, fallback, fault,
    fingerprint, schema, secrets, sinks, source, store_url, traces, walk,
};
use crate::report::Failure;
use crate::sink_types::SinkTypes;

/// Reads the configuration from `file`, or from where it usually is.
///
/// # Errors
///
/// There is none, or something is wrong with it.
pub(crate) fn load(types: &SinkTypes, file: Option<&Path>) -> Result<Loaded, Failure> {
    // `SMSWATCH_CONFIG=` means that none is named.
    let file = match file.filter(|file| !file.as_os_str().is_empty()) {
        Some(file) => file.to_owned(),
        None => source::usual_place()?,
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
    let whole = schema::internal(types);
    let secret_file = |pointer: &str| secrets::file_hint(&whole, pointer);
    diagnostics.extend(document.substitute(&source.environment, &secret_file));
    let mut reader = Reader {
        types,
        whole: &whole,
        document: &document,
        diagnostics,
        valueless: Vec::new(),
    };
    let (configuration, effective, sections) = reader.configuration();
    let (errors, warnings): (Vec<_>, Vec<_>) = reader
        .diagnostics
        .into_iter()
        .partition(Diagnostic::is_error);
    match configuration {
        Some(configuration) if errors.is_empty() => Ok(Loaded {
            file: source.file,
            configuration,
            effective,
            warnings,
            sections,
        }),
        _ => Err(Failure::Configuration(in_order(
            errors.into_iter().chain(warnings),
        ))),
    }
}

/// From the top of the file to its bottom.
pub(crate) fn in_order(diagnostics: impl Iterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<_> = diagnostics.collect();
    let place = |diagnostic: &Diagnostic| diagnostic.place.map(|place| (place.line, place.column));
    diagnostics.sort_by_key(place);
    diagnostics.dedup_by(|a, b| a.message == b.message && place(a) == place(b));
    diagnostics
}

impl Reader<'_> {
    /// The configuration, if it is sound, how it takes effect, and what tells its parts from others.
    fn configuration(&mut self) -> (Option<Configuration>, Value, Sections) {
        let value = self.value();
        let configuration = self.configured(&value);
        let effective = match &configuration {
            Some(_) => {
                let list = |pointer| self.document.find(pointer).map(Node::to_json);
                let [rules, maintenance] = ["/rules", "/maintenance"].map(list);
                effective::effective(
                    self.whole,
                    &value,
                    rules.unwrap_or_default(),
                    maintenance.unwrap_or_default(),
                )
            }
            None => Value::Null,
        };
        (configuration, effective, Sections::of(&value))
    }

    /// All that the file says, with secrets out of their files and without sections of comments.
    fn value(&mut self) -> Value {
        let whole = self.whole;
        let is_text = |pointer: &str| walk::takes(&walk::at(whole, pointer), "string");
        let mut value = self.document.to_json_with(&is_text);
        if value.is_null() {
            value = Value::Object(Map::new());
        }
        self.without_empty(&mut value);
        let file_problems = secrets::read_files(whole, &mut value);
        self.report(file_problems);
        let doubts = secrets::clean(whole, &mut value);
        self.report(doubts);
        value
    }

    fn configured(&mut self, value: &Value) -> Option<Configuration> {
        let whole = self.whole;
        let mut value = value.clone();
        let shared_part = fingerprint::shared_part(&value);
        // Rules have a compiler of their own, which says more than a schema can. It reads how sinks want to be
        // told, too.
        if let Some(object) = value.as_object_mut() {
            object.remove("rules");
            object.remove("maintenance");
        }
        let sinks = value.get_mut("sinks").and_then(Value::as_object_mut);
        let sinks = sinks.into_iter().flatten();
        for sink in sinks.filter_map(|(_, sink)| sink.as_object_mut()) {
            sink.retain(|option, _| !["template", "timezone"].contains(&option.as_str()));
        }
        let mut schema_problems = problems(whole, &value);
        let is_sound = schema_problems.is_empty();
        schema_problems.retain(|problem| !self.valueless.contains(&problem.pointer));
        self.report(schema_problems);

        let proxy: Option<Option<Secret>> = self.section(&value, "proxy", is_sound);
        let proxy = proxy.map(|proxy| convert::proxy(proxy.as_ref(), "/proxy"));
        let proxy = self.converted(proxy).unwrap_or_default();
        let uses_environments_proxy =
            proxy == Proxy::Environment || sinks::ask_for_environments_proxy(&value);
        let made = self.sinks(&value, &proxy);
        let fallback_problems = fallback::problems(&value);
        let is_led_somewhere = fallback_problems.is_empty();
        self.report(fallback_problems);
        let routee: Option<RouteeSection> = self.section(&value, "routee", is_sound);
        let store: Option<StoreSection> = self.section(&value, "store", is_sound);
        let watch: Option<WatchSection> = self.section(&value, "watch", is_sound);
        let http: Option<HttpSection> = self.section(&value, "http", is_sound);
        let pushed: Option<Option<CallbacksSection>> = self.section(&value, "callbacks", is_sound);
        let privacy: Option<PrivacySection> = self.section(&value, "privacy", is_sound);
        let history: Option<HistorySection> = self.section(&value, "history", is_sound);
        let alarms: Option<AlarmsSection> = self.section(&value, "alarms", is_sound);
        let fault: Option<BTreeMap<String, Fault>> = self.section(&value, "fault", is_sound);
        let heartbeat: Option<Option<HeartbeatSection>> =
            self.section(&value, "heartbeat", is_sound);
        let traces: Option<Option<TracesSection>> = self.section(&value, "traces", is_sound);
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
        let secret = secret.unwrap_or_else(|| smswatch_plugin::Secret::new(""));
        let privacy = smswatch_core::Privacy::new(allowed, &secret);
        let faults = self.converted(fault.map(|fault| fault::table(&fault)));
        let faults = faults.map(|(faults, doubts)| {
            self.report(doubts);
            faults
        });
        let known_faults = faults.clone().unwrap_or_default();
        let override_checks = OverrideChecks::of(self.types, &value, &made);
        let give_up_after = watch.as_ref().map(|watch| watch.give_up_after.duration());
        let rules = self.rules(
            &value,
            &names,
            &override_checks,
            &privacy,
            give_up_after,
            &known_faults,
        );
        let sinks = (made.len() == names.len()).then(|| made_sinks(made));

        // Each finds its own problems before any of them is a reason to end.
        let store = self.converted(store.map(|store| store_url::read(&store)));
        let store = store.map(|(store, doubts)| {
            self.report(doubts);
            store
        });
        let http = self.converted(http.map(convert::http));
        let pushed = self.converted(pushed.map(callbacks::convert));
        let pushed = pushed.map(|(pushed, doubts)| {
            self.report(doubts);
            pushed
        });
        let heartbeat = heartbeat.map(|section| {
            section
                .map(|section| convert::heartbeat(section, &proxy))
                .transpose()
        });
        let heartbeat = self.converted(heartbeat);
        let traced = traces.map(|section| {
            let convert = |section| traces::convert(section, &proxy, traces::ARE_BUILT_IN);
            section.map(convert).transpose()
        });
        let traces = self.converted(traced);
        let alarms = self.converted(alarms.map(convert::alarms));
        let settings = routee.as_ref().zip(watch).zip(history);
        let settings = self.converted(settings.map(|((routee, watch), history)| {
            convert::settings(routee, &watch, &history, shutdown.flatten())
        }));
        let routee = self.converted(routee.map(|routee| convert::routee(routee, proxy)));
        // Who is notified is no question while something is wrong.
        if let (Some(rules), false) = (&rules, self.diagnostics.iter().any(Diagnostic::is_error)) {
            self.report(
                audience::warnings(&value, rules)
                    .into_iter()
                    .map(Problem::warning),
            );
        }
        let pushed = pushed?;
        let http = http.map(|http| HttpOptions {
            callbacks: pushed.door,
            ..http
        });
        let mut settings = Settings {
            alarms: alarms?,
            callbacks: pushed.settings,
            config_hash: smswatch_core::config_hash(&shared_part, &secret),
            ..settings?
        };
        settings.watch.faults = faults?;
        Some(Configuration {
            routee: routee?,
            store: store?,
            settings,
            privacy,
            http: http?,
            callbacks_listen: pushed.listen,
            sinks: sinks.filter(|_| is_led_somewhere)?,
            rules: rules?,
            override_checks,
            heartbeat: heartbeat?,
            traces: traces?,
            uses_environments_proxy,
        })
    }

    /// Takes out sections in which every line is a comment, and tells which options have no value.
    fn without_empty(&mut self, value: &mut Value) {
        let problems = empty::remove(self.whole, value);
        let problems = problems.into_iter().map(|problem| {
            let key = self.document.key(&problem.pointer);
            match key.and_then(|key| self.document.comment_hint(key)) {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        });
        let problems: Vec<Problem> = problems.collect();
        let pointers = problems.iter().map(|problem| problem.pointer.clone());
        self.valueless.extend(pointers);
        self.report(problems);
    }

    fn rules(
        &mut self,
        value: &Value,
        names: &[String],
        override_checks: &OverrideChecks,
        privacy: &smswatch_core::Privacy,
        give_up_after: Option<Duration>,
        faults: &FaultTable,
    ) -> Option<smswatch_rules::RuleSet> {
        let keyed = privacy.clone();
        let number_key: NumberKey =
            Arc::new(move |number: &str| keyed.number_key(&PhoneNumber::new(number)));
        let has_fallback = |name: &&String| value["sinks"][*name]["fallback"].is_string();
        let with_fallback: Vec<String> = names.iter().filter(has_fallback).cloned().collect();
        let options = Options {
            sinks: names,
            with_fallback: &with_fallback,
            sinks_file: self.document.file(),
            check_overrides: &|sink, overrides| override_checks.problems(sink, overrides),
            number_key: &number_key,
            texts_are_kept: privacy.keeps_texts(),
            numbers_are_masked: privacy.hides_numbers(),
            give_up_after,
            faults,
        };
        let compiled = compile(self.document, self.document.find("/rules"), &options);
        let windows = self.document.find("/maintenance");
        let (maintenance, mut problems) = compile_maintenance(self.document, windows, &options);
        problems.extend(compiled.problems);
        let is_sound = !problems.iter().any(Diagnostic::is_error);
        self.diagnostics.extend(problems);
        is_sound.then(|| compiled.rules.with_maintenance(maintenance))
    }
}
