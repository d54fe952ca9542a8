//! What templates and expressions see: data that refuses to be asked for a field it does not have.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, ObjectRepr};
use minijinja::{Error, ErrorKind, Value};
use serde::Serialize;

/// Mappings whose keys the user chooses: what they do not have is null, and no mistake.
const OPEN: [&str; 2] = ["tags", "group"];

/// Where the filter for instants finds the name of the timezone; no template can name it.
pub(super) const TIMEZONE: &str = " timezone";

/// The variables of a template that is rendered in the time of `timezone`, whose fields tell when there is
/// no such field.
///
/// # Panics
///
/// `data` has no form in JSON; everything that templates see has one.
pub(super) fn root(data: &impl Serialize, timezone: Option<&str>) -> Value {
    let mut data = serde_json::to_value(data).expect("what templates see has a form in JSON");
    if let (Some(timezone), Some(fields)) = (timezone, data.as_object_mut()) {
        fields.insert(TIMEZONE.to_owned(), timezone.into());
    }
    value(&data, "")
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
