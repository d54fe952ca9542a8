//! Makes the sinks of a configuration, and checks what rules ask of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use smswatch_core::settings::SinkSettings;
use smswatch_plugin::Proxy;
use smswatch_plugin::model::Overrides;
use smswatch_plugin::sink::SinkContext;
use smswatch_rules::OverrideProblem;

use super::document::CommonSinkSection;
use super::problem::{Problem, escaped};
use super::reader::Reader;
use super::validate::problems;
use super::{Sinks, convert, schema};
use crate::sink_types::{ConfigureError, MadeSink, SinkType, SinkTypes};

/// The sinks that could be made, by name.
pub(super) type MadeSinks = BTreeMap<String, (MadeSink, SinkSettings)>;

/// Knows what rules may ask of each sink of a configuration. Cheap to clone.
#[derive(Clone)]
pub(crate) struct OverrideChecks(Arc<BTreeMap<String, Known>>);

/// The kind of a sink, and the sink where it could be made.
struct Known {
    kind: String,
    sink_type: SinkType,
    made: Option<MadeSink>,
}

impl OverrideChecks {
    pub(super) fn of(types: &SinkTypes, value: &Value, made: &MadeSinks) -> Self {
        let sections = value["sinks"].as_object().into_iter().flatten();
        let known = sections.filter_map(|(name, section)| {
            let kind = section["type"].as_str()?;
            let known = Known {
                kind: kind.to_owned(),
                sink_type: *types.find(kind)?,
                made: made.get(name).map(|(made, _)| made.clone()),
            };
            Some((name.clone(), known))
        });
        Self(Arc::new(known.collect()))
    }

    /// What is wrong with what a rule asks of the sink of this name; takes out of it what makes no difference to the sink.
    pub(crate) fn problems(&self, sink: &str, overrides: &mut Overrides) -> Vec<OverrideProblem> {
        let Some(known) = self.0.get(sink) else {
            return Vec::new();
        };
        let made = known.made.as_ref();
        override_problems(&known.kind, &known.sink_type, made, overrides)
    }
}

impl fmt::Debug for OverrideChecks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Reader<'_> {
    /// The sinks that can be made; those that are missing have told why.
    pub(super) fn sinks(&mut self, value: &Value, proxy: &Proxy) -> MadeSinks {
        let wanted = value["sinks"].as_object().into_iter().flatten();
        wanted
            .filter_map(|(name, section)| {
                let pointer = format!("/sinks/{}", escaped(name));
                let is_inside = |problem: &Problem| {
                    let rest = problem.pointer.strip_prefix(&pointer);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                let fits = || !problems(self.whole, value).iter().any(is_inside);
                Some((name.clone(), self.sink(name, section, proxy, &fits)?))
            })
            .collect()
    }

    /// A sink of the configuration; `proxy` is for one that names none of its own. `fits` says whether its section has
    /// the shape of its schema; where it has not, that has been told with the places.
    fn sink(
        &mut self,
        name: &str,
        section: &Value,
        proxy: &Proxy,
        fits: &dyn Fn() -> bool,
    ) -> Option<(MadeSink, SinkSettings)> {
        let pointer = format!("/sinks/{}", escaped(name));
        let (common, mut own) = CommonSinkSection::split(section.as_object()?.clone());
        let sink_type = self.types.find(own.remove("type")?.as_str()?)?;
        let common: CommonSinkSection = serde_json::from_value(Value::Object(common)).ok()?;
        let proxy = common.proxy.as_ref().map_or_else(
            || Ok(proxy.clone()),
            |own| convert::proxy(Some(own), &format!("{pointer}/proxy")),
        );
        let proxy = self.converted(Some(proxy));
        let mut settings = self.converted(Some(convert::sink(&common, &pointer)))?;
        settings.rate = settings.rate.or(sink_type.rate());
        let digest_above = settings.digest_above.or(sink_type.digest_above());
        settings.digest_above = digest_above.filter(|above| *above > 0);
        let context = SinkContext::new(name)
            .with_proxy(proxy?)
            .with_timeout(settings.timeout);
        match sink_type.configure(Value::Object(own), &context) {
            Ok(sink) => Some((sink, settings)),
            Err(ConfigureError::Unreadable(error)) => {
                if fits() {
                    let why = without_values(&error.to_string(), section);
                    self.report([Problem::new(pointer, format!("sink `{name}`: {why}"))]);
                }
                None
            }
            // What is missing has been told, too, where it stands there without a value.
            Err(_) if self.lacks_value_in(&pointer) => None,
            Err(error) => {
                let place = match error.key() {
                    Some(key) => format!("{pointer}/{}", escaped(key)),
                    None => pointer,
                };
                let range = error.range().map(Box::new);
                let problem = Problem::new(place, format!("sink `{name}`: {error}"));
                self.report([Problem { range, ..problem }]);
                None
            }
        }
    }
}

/// What a sink's type says of options that it cannot read, unless that repeats one of them: it may be a secret.
fn without_values(why: &str, section: &Value) -> String {
    match repeats(why, section) {
        true => "these are not the options that a sink of this type takes".to_owned(),
        false => why.to_owned(),
    }
}

fn repeats(why: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && why.contains(text.as_str()),
        Value::Array(items) => items.iter().any(|item| repeats(why, item)),
        Value::Object(object) => object.values().any(|value| repeats(why, value)),
        _ => false,
    }
}

/// Whether a sink asks for the environment's proxy by itself: `proxy: env`.
pub(super) fn ask_for_environments_proxy(value: &Value) -> bool {
    let sinks = value["sinks"].as_object().into_iter().flatten();
    let own = sinks.filter_map(|(_, section)| section["proxy"].as_str()?.parse().ok());
    own.into_iter()
        .any(|proxy: Proxy| proxy == Proxy::Environment)
}

/// What is wrong with a rule's overrides, by the schema of the sink's type and by the sink itself, where
/// it could be made.
fn override_problems(
    kind: &str,
    sink_type: &SinkType,
    made: Option<&MadeSink>,
    overrides: &mut Overrides,
) -> Vec<OverrideProblem> {
    let schema = schema::overrides(sink_type);
    if schema["properties"].is_null() {
        return overrides.keys().map(|key| no_wish(kind, key)).collect();
    }
    let value = Value::Object(overrides.clone());
    let mut found: Vec<OverrideProblem> = problems(&schema, &value)
        .into_iter()
        .map(|problem| {
            let first = problem.pointer.split('/').nth(1).map(str::to_owned);
            OverrideProblem {
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
        None => sink_type.read_overrides(value).map(|()| Vec::new()),
    };
    match checked {
        Ok(defaults) => overrides.retain(|key, _| !defaults.contains(key)),
        Err(ConfigureError::Broken(why) | ConfigureError::Stuck(why)) => {
            found.push(OverrideProblem {
                key: None,
                message: format!("a sink of type `{kind}` cannot be asked about this: {why}"),
                hint: None,
            })
        }
        Err(error) => found.push(OverrideProblem {
            key: error.key().map(str::to_owned),
            message: error.to_string(),
            hint: None,
        }),
    }
    found
}

/// The sinks without what only the check of rules needs.
pub(super) fn made_sinks(made: MadeSinks) -> Sinks {
    let made = made.into_iter();
    made.map(|(name, (made, settings))| (name, (made.sink, settings)))
        .collect()
}

/// A sink of this kind takes no overrides at all.
fn no_wish(kind: &str, key: &str) -> OverrideProblem {
    OverrideProblem {
        key: Some(key.to_owned()),
        message: format!("rules cannot set `{key}` for a sink of type `{kind}`"),
        hint: Some("name only the sink, as in `notify: [crm]`".to_owned()),
    }
}
