//! Compares a configuration with its schema and says in plain words what does not fit.

use serde_json::Value;
use smswatch_rules::Span;

use super::document::KEY_PREFIX;
use super::problem::Problem;
use super::shape::{Keyword, Mismatch, mismatches};
use super::walk;

/// Everything in `value` that does not fit `schema`.
pub(crate) fn problems(schema: &Value, value: &Value) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for mismatch in mismatches(schema, value) {
        for problem in explain(&mismatch, schema) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

fn explain(mismatch: &Mismatch<'_>, whole: &Value) -> Vec<Problem> {
    let Mismatch {
        pointer,
        value,
        schema,
        keyword,
    } = mismatch;
    let at = |message: String| vec![Problem::new(pointer.clone(), message)];
    match keyword {
        Keyword::AdditionalProperties(unexpected) => {
            let known = schema["properties"].as_object().into_iter().flatten();
            let known: Vec<&str> = known.map(|(key, _)| key.as_str()).collect();
            let unexpected = unexpected.iter();
            unexpected
                .map(|key| unknown_key(pointer, key, &known))
                .collect()
        }
        Keyword::Required(name) => {
            let problem = Problem::new(pointer.clone(), format!("`{name}` is missing"));
            let described = walk::described(whole, &schema["properties"][*name]);
            vec![match walk::is_secret(&described) {
                true => problem.hint(format!("or name a file that holds it: `{name}_file: PATH`")),
                false => problem,
            }]
        }
        Keyword::Type => vec![match schema["pattern"] == Span::PATTERN {
            true => no_duration(pointer),
            false => wrong_type(mismatch),
        }],
        Keyword::Enum => {
            let words = schema["enum"].as_array().into_iter().flatten();
            vec![no_choice(
                mismatch,
                words.filter_map(Value::as_str).collect(),
            )]
        }
        Keyword::Const => {
            let word = schema["const"].as_str();
            vec![no_choice(mismatch, word.into_iter().collect())]
        }
        Keyword::Branches(branches) => match choices(branches) {
            Some(words) => vec![no_choice(mismatch, words)],
            None => {
                // An optional value: what is wrong with it is what its own schema says.
                let branches = branches.iter().filter(|branch| !is_null_branch(branch));
                let nearest = branches.min_by_key(|branch| branch.len());
                let found: Vec<_> = nearest
                    .into_iter()
                    .flatten()
                    .flat_map(|mismatch| explain(mismatch, whole))
                    .collect();
                match found.is_empty() {
                    true => at("this does not fit".to_owned()),
                    false => found,
                }
            }
        },
        Keyword::Pattern(pattern) if *pattern == Span::PATTERN => vec![no_duration(pointer)],
        Keyword::Pattern(pattern) if *pattern == KEY_PREFIX => {
            at("this must be 1 to 64 letters, digits, and any of `_.:-`".to_owned())
        }
        // The key with which editors replace the pattern by words.
        Keyword::Pattern(pattern) => at(match schema["patternErrorMessage"].as_str() {
            Some(words) => words.to_owned(),
            None => format!("this must look like `{pattern}`"),
        }),
        // A mapping without any option.
        Keyword::Never => {
            let keys = value.as_object().into_iter().flatten();
            keys.map(|(key, _)| unknown_key(pointer, key, &[]))
                .collect()
        }
        Keyword::Other("minimum") => at(format!("this must be at least {}", schema["minimum"])),
        Keyword::Other("maximum") => at(format!("this must be at most {}", schema["maximum"])),
        Keyword::Other("minItems") => at("this list must not be empty".to_owned()),
        Keyword::Other("minLength") => at("this must not be empty".to_owned()),
        Keyword::Other("maxItems") => at(format!(
            "this list has at most {} entries",
            schema["maxItems"]
        )),
        // Values are not repeated: what stands here may be a secret.
        Keyword::Other(keyword) => at(format!("this does not fit (`{keyword}`)")),
    }
}

fn wrong_type(mismatch: &Mismatch<'_>) -> Problem {
    let (pointer, value) = (mismatch.pointer.clone(), mismatch.value);
    let wanted = &mismatch.schema["type"];
    if pointer == "/http/listen" {
        let port = value.as_u64().filter(|port| (1..=65_535).contains(port));
        let hint = format!("such as `127.0.0.1:{}`", port.unwrap_or(8080));
        return Problem::new(pointer, "expected an address and a port").hint(hint);
    }
    let problem = Problem::new(pointer, format!("expected {}", expected(wanted)));
    if value.is_string() && wanted == "array" {
        return Problem {
            wants_list: true,
            ..problem.hint("write it in brackets, as a list of one: `[…]`")
        };
    }
    let digits = value.as_str().unwrap_or_default();
    let is_padded = digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match is_padded && (wanted == "integer" || wanted == "number") {
        true => problem.hint("write it without quotes, and without a `0` before it"),
        false => problem,
    }
}

fn no_duration(pointer: &str) -> Problem {
    Problem::new(pointer, "not a duration")
        .hint("write a number and its unit: `500ms`, `30s`, `5m`, `2h` or `7d`")
}

fn no_choice(mismatch: &Mismatch<'_>, words: Vec<&str>) -> Problem {
    let pointer = mismatch.pointer.clone();
    let problem = Problem::new(pointer, "this is not one of the allowed values");
    let given = mismatch.value.as_str().unwrap_or_default();
    match smswatch_rules::did_you_mean(given, words.iter().copied()) {
        Some(word) => problem.hint(format!("did you mean `{word}`?")),
        None => problem.hint(format!("expected one of: {}", words.join(", "))),
    }
}

/// The words that there are, where each branch but the one for nothing stands for one of them.
fn choices<'a>(branches: &[Vec<Mismatch<'a>>]) -> Option<Vec<&'a str>> {
    let branches = branches.iter().filter(|branch| !is_null_branch(branch));
    branches
        .map(|branch| {
            branch.iter().find_map(|mismatch| match mismatch.keyword {
                Keyword::Const => mismatch.schema["const"].as_str(),
                _ => None,
            })
        })
        .collect()
}

fn unknown_key(pointer: &str, key: &str, known: &[&str]) -> Problem {
    let problem = Problem::new(pointer, format!("unknown key `{key}`")).at_key(key);
    match smswatch_rules::did_you_mean(key, known.iter().copied()) {
        Some(word) => problem.hint(format!("did you mean `{word}`?")),
        None if known.is_empty() => problem.hint("no keys are allowed here"),
        None => problem.hint(format!("expected one of: {}", known.join(", "))),
    }
}

fn is_null_branch(branch: &[Mismatch<'_>]) -> bool {
    branch.iter().any(|mismatch| {
        matches!(mismatch.keyword, Keyword::Type) && mismatch.schema["type"] == "null"
    })
}

/// What a type, or a list of types, is in words.
fn expected(types: &Value) -> String {
    let word = |name: &str| match name {
        "array" => "a list",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "object" => "a mapping",
        "string" => "text",
        _ => "nothing",
    };
    match types {
        Value::Array(types) => {
            let types = types.iter().filter_map(Value::as_str);
            let words: Vec<_> = types.filter(|name| *name != "null").map(word).collect();
            words.join(" or ")
        }
        one => word(one.as_str().unwrap_or_default()).to_owned(),
    }
}
