//! Holds a configuration against its schema and says in plain words what does not fit.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;
use smswatch_rules::Span;

use super::document::KEY_PREFIX;
use super::problem::Problem;
use super::walk::{self, follow};

/// Everything in `value` that does not fit `schema`.
///
/// # Panics
///
/// The schema is none; it is generated, and a test holds it to be one.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<Problem> {
    let validator =
        Validator::new(schema).expect("the generated schema is one; a test holds it to be");
    let mut problems: Vec<Problem> = Vec::new();
    for error in validator.iter_errors(value) {
        for problem in explain(&error, schema) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

fn explain(error: &ValidationError<'_>, schema: &Value) -> Vec<Problem> {
    let pointer = error.instance_path().as_str().to_owned();
    let at = |message: String| vec![Problem::new(pointer.clone(), message)];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = siblings(error, schema);
            unexpected
                .iter()
                .map(|key| unknown_key(&pointer, key, &known))
                .collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let path = error.schema_path().as_str();
            let object = lookup(schema, path.trim_end_matches("/required"));
            let problem = Problem::new(pointer, format!("`{name}` is missing"));
            let described = walk::described(schema, &object["properties"][name]);
            vec![match walk::is_secret(&described) {
                true => problem.hint(format!("or name a file that holds it: `{name}_file: PATH`")),
                false => problem,
            }]
        }
        ValidationErrorKind::Type { kind } => {
            let path = error.schema_path().as_str();
            let wanted = lookup(schema, path.trim_end_matches("/type"));
            vec![match wanted["pattern"] == Span::PATTERN {
                true => no_duration(pointer),
                false => wrong_type(error, pointer, kind),
            }]
        }
        ValidationErrorKind::Enum { options } => {
            let words = options.as_array().into_iter().flatten();
            vec![no_choice(error, words.filter_map(Value::as_str).collect())]
        }
        ValidationErrorKind::Constant { expected_value } => {
            vec![no_choice(
                error,
                expected_value.as_str().into_iter().collect(),
            )]
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }
            if let Some(words) = choices(context) =>
        {
            vec![no_choice(error, words)]
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            // An optional value: what is wrong with it is what its own schema says.
            let branches = context.iter().filter(|errors| !is_null_branch(errors));
            let mut branches: Vec<_> = branches.collect();
            branches.sort_by_key(|errors| errors.len());
            let errors = branches
                .first()
                .map(|errors| errors.as_slice())
                .unwrap_or_default();
            let found: Vec<_> = errors
                .iter()
                .flat_map(|error| explain(error, schema))
                .collect();
            if found.is_empty() {
                at("this does not fit".to_owned())
            } else {
                found
            }
        }
        ValidationErrorKind::Minimum { limit } => at(format!("this must be at least {limit}")),
        ValidationErrorKind::Maximum { limit } => at(format!("this must be at most {limit}")),
        ValidationErrorKind::MinItems { .. } => at("this list must not be empty".to_owned()),
        ValidationErrorKind::MinLength { .. } => at("this must not be empty".to_owned()),
        ValidationErrorKind::MaxItems { limit } => {
            at(format!("this list has at most {limit} entries"))
        }
        ValidationErrorKind::Pattern { pattern } => {
            if Span::PATTERN == pattern {
                vec![no_duration(pointer)]
            } else if KEY_PREFIX == pattern {
                at("this must be 1 to 64 letters, digits, and any of `_.:-`".to_owned())
            } else {
                let path = error.schema_path().as_str();
                let described = lookup(schema, path.trim_end_matches("/pattern"));
                // The key with which editors replace the pattern by words.
                match described["patternErrorMessage"].as_str() {
                    Some(words) => at(words.to_owned()),
                    None => at(format!("this must look like `{pattern}`")),
                }
            }
        }
        // A mapping without any option.
        ValidationErrorKind::FalseSchema => {
            let keys = error.instance().as_object().into_iter().flatten();
            keys.map(|(key, _)| unknown_key(&pointer, key, &[]))
                .collect()
        }
        // Values are not repeated: what stands here may be a secret.
        other => at(format!("this does not fit (`{}`)", other.keyword())),
    }
}

fn wrong_type(error: &ValidationError<'_>, pointer: String, kind: &TypeKind) -> Problem {
    let instance = error.instance();
    if pointer == "/http/listen" {
        let port = instance.as_u64().filter(|port| (1..=65_535).contains(port));
        let hint = format!("such as `127.0.0.1:{}`", port.unwrap_or(8080));
        return Problem::new(pointer, "expected an address and a port").hint(hint);
    }
    let problem = Problem::new(pointer, format!("expected {}", expected(kind)));
    let wants = |wanted| matches!(kind, TypeKind::Single(single) if *single == wanted);
    if instance.is_string() && wants(JsonType::Array) {
        return Problem {
            wants_list: true,
            ..problem.hint("write it in brackets, as a list of one: `[…]`")
        };
    }
    let digits = instance.as_str().unwrap_or_default();
    let is_padded = digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match is_padded && (wants(JsonType::Integer) || wants(JsonType::Number)) {
        true => problem.hint("write it without quotes, and without a `0` before it"),
        false => problem,
    }
}

fn no_duration(pointer: String) -> Problem {
    Problem::new(pointer, "not a duration")
        .hint("write a number and its unit: `500ms`, `30s`, `5m`, `2h` or `7d`")
}

fn no_choice(error: &ValidationError<'_>, words: Vec<&str>) -> Problem {
    let problem = Problem::new(
        error.instance_path().as_str(),
        "this is not one of the allowed values",
    );
    let given = error.instance().as_str().unwrap_or_default();
    match smswatch_rules::did_you_mean(given, words.iter().copied()) {
        Some(word) => problem.hint(format!("did you mean `{word}`?")),
        None => problem.hint(format!("expected one of: {}", words.join(", "))),
    }
}

/// The words that there are, where each branch but the one for nothing stands for one of them.
fn choices<'a>(branches: &'a [Vec<ValidationError<'_>>]) -> Option<Vec<&'a str>> {
    let branches = branches.iter().filter(|errors| !is_null_branch(errors));
    branches
        .map(|errors| {
            errors.iter().find_map(|error| match error.kind() {
                ValidationErrorKind::Constant { expected_value } => expected_value.as_str(),
                _ => None,
            })
        })
        .collect()
}

fn unknown_key(pointer: &str, key: &str, known: &[String]) -> Problem {
    let problem = Problem::new(pointer, format!("unknown key `{key}`")).at_key(key);
    match smswatch_rules::did_you_mean(key, known.iter().map(String::as_str)) {
        Some(word) => problem.hint(format!("did you mean `{word}`?")),
        None if known.is_empty() => problem.hint("no keys are allowed here"),
        None => problem.hint(format!("expected one of: {}", known.join(", "))),
    }
}

/// The keys that the schema knows where it refused one.
fn siblings(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let path = error
        .schema_path()
        .as_str()
        .trim_end_matches("/additionalProperties");
    let object = lookup(schema, path);
    let keys = object["properties"].as_object().into_iter().flatten();
    keys.map(|(key, _)| key.clone()).collect()
}

/// What stands at a schema path, following references on the way.
fn lookup<'a>(schema: &'a Value, path: &str) -> &'a Value {
    let mut here = schema;
    for segment in path.split('/').skip(1) {
        if segment == "$ref" || segment == "$defs" && here["$defs"].is_null() {
            continue;
        }
        here = follow(schema, here);
        let segment = segment.replace("~1", "/").replace("~0", "~");
        here = match here {
            Value::Array(items) => segment
                .parse::<usize>()
                .ok()
                .and_then(|at| items.get(at))
                .unwrap_or(&Value::Null),
            object => &object[&segment],
        };
    }
    follow(schema, here)
}

fn is_null_branch(errors: &[ValidationError<'_>]) -> bool {
    errors.iter().any(|error| {
        matches!(
            error.kind(),
            ValidationErrorKind::Type {
                kind: TypeKind::Single(JsonType::Null)
            }
        )
    })
}

fn expected(kind: &TypeKind) -> String {
    let word = |json_type: JsonType| match json_type {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "text",
    };
    match kind {
        TypeKind::Single(json_type) => word(*json_type).to_owned(),
        TypeKind::Multiple(types) => {
            let types = types
                .iter()
                .filter(|json_type| *json_type != JsonType::Null);
            types.map(word).collect::<Vec<_>>().join(" or ")
        }
    }
}
