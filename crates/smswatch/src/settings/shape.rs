//! Compares a value with a JSON Schema, and finds every place where it does not fit.
//!
//! It knows the keywords that are made from Rust types. What a custom sink writes into its schema beyond them is for
//! editors; its type decides when it reads the value.

use regex::Regex;
use serde_json::Value;

use super::problem::escaped;
use super::walk::follow;

/// A place where a value does not fit.
#[derive(Debug, Clone)]
pub(super) struct Mismatch<'a> {
    /// The place, as a JSON pointer.
    pub(super) pointer: String,
    /// What stands there.
    pub(super) value: &'a Value,
    /// The schema that it does not fit.
    pub(super) schema: &'a Value,
    /// What about it does not fit.
    pub(super) keyword: Keyword<'a>,
}

/// What about a value does not fit.
#[derive(Debug, Clone)]
pub(super) enum Keyword<'a> {
    /// Keys that the schema does not have.
    AdditionalProperties(Vec<&'a str>),
    /// A key is missing.
    Required(&'a str),
    /// It is of another type.
    Type,
    /// It is none of the schema's values.
    Enum,
    /// It is not the schema's value.
    Const,
    /// It fits none of these schemas: what does not fit about each.
    Branches(Vec<Vec<Mismatch<'a>>>),
    /// Nothing may stand here.
    Never,
    /// It does not match the schema's pattern.
    Pattern(&'a str),
    /// Another rule of the schema, by its keyword.
    Other(&'a str),
}

/// Every place where `value` does not fit `schema`, to which references in it lead back.
pub(super) fn mismatches<'a>(schema: &'a Value, value: &'a Value) -> Vec<Mismatch<'a>> {
    let mut found = Vec::new();
    let whole = schema;
    Check {
        whole,
        schema,
        value,
    }
    .run("", &mut found);
    found
}

/// One schema and one value.
#[derive(Clone, Copy)]
struct Check<'a> {
    whole: &'a Value,
    schema: &'a Value,
    value: &'a Value,
}

impl<'a> Check<'a> {
    fn run(self, pointer: &str, found: &mut Vec<Mismatch<'a>>) {
        let Some(keywords) = self.schema.as_object() else {
            if *self.schema == Value::Bool(false) {
                found.push(self.mismatch(pointer, Keyword::Never));
            }
            return;
        };
        for (keyword, wanted) in keywords {
            match keyword.as_str() {
                "$ref" => self
                    .against(follow(self.whole, self.schema))
                    .run(pointer, found),
                "allOf" => {
                    for part in wanted.as_array().into_iter().flatten() {
                        self.against(part).run(pointer, found);
                    }
                }
                "anyOf" | "oneOf" => self.branches(keyword, wanted, pointer, found),
                "if" => self.conditional(wanted, pointer, found),
                "properties" => self.properties(wanted, pointer, found),
                "additionalProperties" => self.additional(wanted, pointer, found),
                "patternProperties" => self.by_pattern(wanted, pointer, found),
                "items" => {
                    for (n, item) in self.value.as_array().into_iter().flatten().enumerate() {
                        self.inner(wanted, item)
                            .run(&format!("{pointer}/{n}"), found);
                    }
                }
                "required" => {
                    let names = wanted.as_array().into_iter().flatten();
                    let missing = names
                        .filter_map(Value::as_str)
                        .filter(|name| self.lacks(name));
                    found.extend(
                        missing.map(|name| self.mismatch(pointer, Keyword::Required(name))),
                    );
                }
                _ => {
                    let mismatch = self.assertion(keyword, wanted);
                    found.extend(mismatch.map(|keyword| self.mismatch(pointer, keyword)));
                }
            }
        }
    }

    /// What one of the simple keywords says about the value itself.
    fn assertion(self, keyword: &'a str, wanted: &'a Value) -> Option<Keyword<'a>> {
        let at_least = |size: Option<usize>| is_more(wanted, size);
        let at_most = |size: Option<usize>| {
            let most = wanted.as_u64().and_then(|most| usize::try_from(most).ok());
            size.zip(most).is_some_and(|(size, most)| size > most)
        };
        let letters = self.value.as_str().map(|text| text.chars().count());
        let entries = self.value.as_array().map(Vec::len);
        let compared = self.value.as_f64().zip(wanted.as_f64());
        let fails = match keyword {
            "type" => return (!is_of(self.value, wanted)).then_some(Keyword::Type),
            "const" => return (self.value != wanted).then_some(Keyword::Const),
            "enum" => {
                let mut values = wanted.as_array().into_iter().flatten();
                return (!values.any(|value| value == self.value)).then_some(Keyword::Enum);
            }
            "pattern" => {
                let pattern = wanted.as_str()?;
                let text = self.value.as_str()?;
                return (!matches(pattern, text)).then_some(Keyword::Pattern(pattern));
            }
            "minimum" => compared.is_some_and(|(value, limit)| value < limit),
            "maximum" => compared.is_some_and(|(value, limit)| value > limit),
            "exclusiveMinimum" => compared.is_some_and(|(value, limit)| value <= limit),
            "exclusiveMaximum" => compared.is_some_and(|(value, limit)| value >= limit),
            "minLength" => at_least(letters),
            "maxLength" => at_most(letters),
            "minItems" => at_least(entries),
            "maxItems" => at_most(entries),
            "uniqueItems" => {
                let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
                let repeats = |(n, item)| items[..n].contains(item);
                *wanted == Value::Bool(true) && items.iter().enumerate().any(repeats)
            }
            _ => false,
        };
        fails.then_some(Keyword::Other(keyword))
    }

    fn branches(
        self,
        keyword: &'a str,
        branches: &'a Value,
        pointer: &str,
        found: &mut Vec<Mismatch<'a>>,
    ) {
        let branches = branches.as_array().into_iter().flatten();
        let mismatches: Vec<Vec<Mismatch<'a>>> = branches
            .map(|branch| {
                let mut found = Vec::new();
                self.against(branch).run(pointer, &mut found);
                found
            })
            .collect();
        match mismatches.iter().filter(|found| found.is_empty()).count() {
            0 => found.push(self.mismatch(pointer, Keyword::Branches(mismatches))),
            1 => {}
            _ if keyword == "oneOf" => found.push(self.mismatch(pointer, Keyword::Other(keyword))),
            _ => {}
        }
    }

    fn conditional(self, condition: &'a Value, pointer: &str, found: &mut Vec<Mismatch<'a>>) {
        let mut unmet = Vec::new();
        self.against(condition).run(pointer, &mut unmet);
        let branch = if unmet.is_empty() { "then" } else { "else" };
        self.against(&self.schema[branch]).run(pointer, found);
    }

    fn properties(self, properties: &'a Value, pointer: &str, found: &mut Vec<Mismatch<'a>>) {
        for (name, schema) in properties.as_object().into_iter().flatten() {
            if let Some(value) = self.value.as_object().and_then(|object| object.get(name)) {
                let pointer = format!("{pointer}/{}", escaped(name));
                self.inner(schema, value).run(&pointer, found);
            }
        }
    }

    fn by_pattern(self, patterns: &'a Value, pointer: &str, found: &mut Vec<Mismatch<'a>>) {
        for (pattern, schema) in patterns.as_object().into_iter().flatten() {
            let entries = self.value.as_object().into_iter().flatten();
            for (name, value) in entries.filter(|(name, _)| matches(pattern, name)) {
                let pointer = format!("{pointer}/{}", escaped(name));
                self.inner(schema, value).run(&pointer, found);
            }
        }
    }

    fn additional(self, schema: &'a Value, pointer: &str, found: &mut Vec<Mismatch<'a>>) {
        let entries = self.value.as_object().into_iter().flatten();
        let additional = entries.filter(|(name, _)| !self.knows(name));
        if *schema == Value::Bool(false) {
            let unexpected: Vec<&str> = additional.map(|(name, _)| name.as_str()).collect();
            if !unexpected.is_empty() {
                found.push(self.mismatch(pointer, Keyword::AdditionalProperties(unexpected)));
            }
            return;
        }
        for (name, value) in additional {
            let pointer = format!("{pointer}/{}", escaped(name));
            self.inner(schema, value).run(&pointer, found);
        }
    }

    /// Whether the schema says something about a key by its name.
    fn knows(self, name: &str) -> bool {
        let mut patterns = self.schema["patternProperties"]
            .as_object()
            .into_iter()
            .flatten();
        !self.schema["properties"][name].is_null()
            || patterns.any(|(pattern, _)| matches(pattern, name))
    }

    fn lacks(self, name: &str) -> bool {
        let object = self.value.as_object();
        object.is_some_and(|object| !object.contains_key(name))
    }

    fn against(self, schema: &'a Value) -> Self {
        Self { schema, ..self }
    }

    fn inner(self, schema: &'a Value, value: &'a Value) -> Self {
        Self {
            schema,
            value,
            ..self
        }
    }

    fn mismatch(self, pointer: &str, keyword: Keyword<'a>) -> Mismatch<'a> {
        Mismatch {
            pointer: pointer.to_owned(),
            value: self.value,
            schema: self.schema,
            keyword,
        }
    }
}

/// Whether `least` is more than there are.
fn is_more(least: &Value, size: Option<usize>) -> bool {
    let least = least.as_u64().and_then(|least| usize::try_from(least).ok());
    size.zip(least).is_some_and(|(size, least)| size < least)
}

/// Whether a value is of a type, or of one of a list of types.
fn is_of(value: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Array(types) => types.iter().any(|wanted| is_of(value, wanted)),
        wanted => match wanted.as_str() {
            Some("array") => value.is_array(),
            Some("boolean") => value.is_boolean(),
            // `1.0` is one, too.
            Some("integer") => {
                value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
            }
            Some("null") => value.is_null(),
            Some("number") => value.is_number(),
            Some("object") => value.is_object(),
            Some("string") => value.is_string(),
            _ => true,
        },
    }
}

/// Whether a text matches a pattern. One that Rust's expressions cannot say matches everything.
fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).map_or(true, |pattern| pattern.is_match(text))
}
