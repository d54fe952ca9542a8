//! What does not fit a schema, compared with a validator that knows all of JSON Schema.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{shipped, types};
use crate::settings::schema;
use crate::settings::shape::mismatches;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schema::published(&types()));

static VALIDATOR: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::Validator::new(&SCHEMA).expect("it is a schema"));

/// The annotated configuration, in which every option stands.
static WHOLE: LazyLock<Value> = LazyLock::new(|| {
    let text = shipped("smswatch.yaml");
    let document = smswatch_rules::Document::parse("smswatch.yaml", &text).expect("YAML");
    document.to_json()
});

/// All places in a value.
fn pointers(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let name = crate::settings::problem::escaped(name);
                pointers(value, format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                pointers(item, format!("{pointer}/{n}"), found);
            }
        }
        _ => {}
    }
    found.push(pointer);
}

/// Something that may stand anywhere.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![-2_i64..3, any::<i64>()].prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1.0), Just(-1e9)].prop_map(Value::from),
        prop_oneof![
            Just(""),
            Just("5s"),
            Just("mask"),
            Just("slack"),
            Just("a b"),
            Just("127.0.0.1:80")
        ]
        .prop_map(Value::from),
        "[a-z:]{0,70}".prop_map(Value::from),
        Just(json!([])),
        Just(json!(["5s", "5s"])),
        Just(json!([{}, 7])),
        Just(json!({})),
        Just(json!({"type": "webhook", "url": "https://example.com"})),
        Just(json!({"at_most": 0, "per": "1m"})),
    ]
}

/// Puts `value` in the place of another, adds it under a key of its own, or removes what is there.
fn change(whole: &mut Value, place: &prop::sample::Index, how: u8, value: Value) {
    let mut places = Vec::new();
    pointers(whole, String::new(), &mut places);
    let pointer = place.get(&places);
    match how {
        0 => {
            if let Some((outer, name)) = pointer.rsplit_once('/')
                && let Some(object) = whole.pointer_mut(outer).and_then(Value::as_object_mut)
            {
                object.shift_remove(&crate::settings::problem::unescaped(name));
            }
        }
        1 => {
            if let Some(object) = whole.pointer_mut(pointer).and_then(Value::as_object_mut) {
                object.insert("tiype".to_owned(), value);
            }
        }
        _ => {
            if let Some(here) = whole.pointer_mut(pointer) {
                *here = value;
            }
        }
    }
}

proptest! {
    #[test]
    fn what_does_not_fit_is_what_a_validator_of_all_keywords_finds(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..5, anything()), 1..4),
    ) {
        let mut value = WHOLE.clone();
        for (place, how, new) in changes {
            change(&mut value, &place, how, new);
        }
        let found = mismatches(&SCHEMA, &value);
        let found: BTreeSet<String> = found.into_iter().map(|found| found.pointer).collect();
        let expected = VALIDATOR.iter_errors(&value);
        let expected: BTreeSet<String> = expected.map(|error| error.instance_path().as_str().to_owned()).collect();
        prop_assert_eq!(found, expected, "{}", value);
    }
}

#[test]
fn the_annotated_configuration_fits() {
    assert!(mismatches(&SCHEMA, &WHOLE).is_empty());
}

#[test]
fn every_keyword_that_the_schemas_use_is_known() {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.5),
        json!(7),
        json!(""),
        json!("a"),
        json!("abcdef"),
        json!([]),
        json!([1]),
        json!([1, 1]),
        json!([1, 2, 3]),
        json!({}),
        json!({"a": 1}),
        json!({"b": "x"}),
        json!({"a": "x", "b": 2}),
        json!({"x-a": 1}),
    ];
    for schema in [
        json!(true),
        json!(false),
        json!({"type": "integer"}),
        json!({"type": ["string", "null"]}),
        json!({"const": 1}),
        json!({"enum": [1, "a", null]}),
        json!({"minimum": 1, "maximum": 6}),
        json!({"exclusiveMinimum": 1, "exclusiveMaximum": 7}),
        json!({"minLength": 1, "maxLength": 3}),
        json!({"pattern": "^a"}),
        json!({"minItems": 1, "maxItems": 2, "uniqueItems": true}),
        json!({"items": {"type": "integer", "maximum": 2}}),
        json!({"properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false}),
        json!({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}),
        json!({"additionalProperties": {"type": "integer"}}),
        json!({"properties": {"a": false}}),
        json!({"anyOf": [{"type": "integer"}, {"type": "number"}]}),
        json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
        json!({"allOf": [{"type": "integer"}, {"maximum": 1}]}),
        json!({"if": {"type": "integer"}, "then": {"maximum": 1}, "else": {"type": "string"}}),
        json!({"$ref": "#/$defs/word", "minLength": 3, "$defs": {"word": {"type": "string"}}}),
    ] {
        let validator = jsonschema::Validator::new(&schema).expect("it is a schema");
        for value in &values {
            let fits = mismatches(&schema, value).is_empty();
            assert_eq!(fits, validator.is_valid(value), "{schema} {value}");
        }
    }
}
