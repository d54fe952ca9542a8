//! What templates and expressions see: data that refuses to be asked for a field it does not have.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, ObjectRepr};
use minijinja::{Error, ErrorKind, Value};
use serde::Serialize;

/// Mappings whose keys the user chooses: what they do not have is null, and no mistake.
const OPEN: [&str; 2] = ["tags", "group"];

/// Where the filter for instants finds the name of the timezone; no template can name it.
pub(crate) const TIMEZONE: &str = " timezone";

/// What a template sees, as JSON.
///
/// # Panics
///
/// `seen` has no form in JSON; everything that templates see has one.
pub(crate) fn json(seen: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(seen).expect("what templates see has a form in JSON")
}

/// The names of the variables in what a template sees.
pub(crate) fn names(seen: &serde_json::Value) -> Vec<&str> {
    let fields = seen.as_object().into_iter().flatten();
    fields.map(|(name, _)| name.as_str()).collect()
}

/// The variables of a template that is rendered in the time of `timezone`, whose fields tell when there is
/// no such field.
pub(crate) fn root(mut seen: serde_json::Value, timezone: Option<&str>) -> Value {
    if let (Some(timezone), Some(fields)) = (timezone, seen.as_object_mut()) {
        fields.insert(TIMEZONE.to_owned(), timezone.into());
    }
    value(&seen, "")
}

/// The same of what a rule tells that groups by `known`, and by nothing else: to write another value of its groups is a
/// mistake, while to ask whether there is one is not, as a template may serve several rules.
pub(crate) fn root_of_groups(mut seen: serde_json::Value, known: &[String]) -> Value {
    let group = seen.as_object_mut().and_then(|seen| seen.remove("group"));
    let values = group.as_ref().and_then(serde_json::Value::as_object);
    let values = values.into_iter().flatten();
    let group = KnownGroup {
        values: values
            .map(|(name, value)| (name.clone(), self::value(value, name)))
            .collect(),
        known: known.to_vec(),
    };
    let fields = seen.as_object().into_iter().flatten();
    let fields = fields.map(|(name, data)| (name.clone(), value(data, name)));
    let group = ("group".to_owned(), Value::from_object(group));
    Value::from_object(Fields {
        name: String::new(),
        fields: fields.chain([group]).collect(),
    })
}

/// The values of a group whose keys are known.
#[derive(Debug)]
struct KnownGroup {
    values: Vec<(String, Value)>,
    known: Vec<String>,
}

impl Object for KnownGroup {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if let Some((_, value)) = self.values.iter().find(|(name, _)| name == key) {
            return Some(value.clone());
        }
        let never = match &self.known[..] {
            [] => format!("the rule does not group, so `group` has no `{key}`"),
            known => format!(
                "the rule groups by {}, so `group` has no `{key}`",
                known.join(", ")
            ),
        };
        Some(Value::from_object(NeverThere(never)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|this| {
            let names = this
                .values
                .iter()
                .map(|(name, _)| Value::from(name.as_str()));
            Box::new(names)
        })
    }
}

/// A value that no notification of a rule has, and why.
#[derive(Debug)]
pub(crate) struct NeverThere(pub(crate) String);

impl Object for NeverThere {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }
}

fn value(data: &serde_json::Value, name: &str) -> Value {
    match data {
        serde_json::Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, data)| (name.clone(), value(data, name)));
            Value::from_object(Fields {
                name: name.to_owned(),
                fields: fields.collect(),
            })
        }
        serde_json::Value::Array(items) => items
            .iter()
            .map(|item| value(item, name))
            .collect::<Vec<_>>()
            .into(),
        scalar => Value::from(minijinja::value::Serde(scalar)),
    }
}

#[derive(Debug)]
struct Fields {
    name: String,
    fields: Vec<(String, Value)>,
}

impl Object for Fields {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if let Some((_, value)) = self.fields.iter().find(|(name, _)| name == key) {
            return Some(value.clone());
        }
        // The variables themselves are checked by name, and some are the template's own.
        if self.name.is_empty() {
            return None;
        }
        if OPEN.contains(&self.name.as_str()) {
            return Some(Value::from(()));
        }
        let known = self.fields.iter().map(|(name, _)| name.as_str());
        let what = match crate::did_you_mean(key, known.clone()) {
            Some(word) => format!("`{}` has no `{key}`; did you mean `{word}`?", self.name),
            None => {
                let known: Vec<&str> = known.collect();
                format!(
                    "`{}` has no `{key}`; it has {}",
                    self.name,
                    known.join(", ")
                )
            }
        };
        Some(Value::from(Error::new(ErrorKind::UndefinedError, what)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|this| {
            Box::new(
                this.fields
                    .iter()
                    .map(|(name, _)| Value::from(name.as_str())),
            )
        })
    }
}
