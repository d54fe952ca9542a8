//! Every option of the configuration, key of a rule and event stands in its page.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{read, section};

fn schema() -> Value {
    serde_json::from_str(&read("config/smswatch.schema.json")).expect("the schema is JSON")
}

/// The keys of what a schema describes, and of what lies below it.
fn keys(whole: &Value, schema: &Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    collect(whole, schema, &mut keys);
    keys
}

fn collect(whole: &Value, schema: &Value, keys: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        // The keys of `match` stand where rules and silences are explained.
        if reference.ends_with("/HoldBackDocument") {
            return;
        }
        let target = whole.pointer(reference.trim_start_matches('#'));
        collect(whole, target.expect("the reference leads somewhere"), keys);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        keys.insert(name.clone());
        collect(whole, property, keys);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        collect(whole, choice, keys);
    }
    if schema["items"].is_object() {
        collect(whole, &schema["items"], keys);
    }
}

/// Fails for every word that does not stand in `text` as code, alone or in an example.
#[track_caller]
fn require(text: &str, words: impl IntoIterator<Item = String>, page: &str) {
    let code: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    let stands = |word: &String| {
        let mut pieces = code
            .iter()
            .flat_map(|code| code.split(|sign| !is_part(sign)));
        pieces.any(|piece| piece == word)
    };
    let missing: Vec<_> = words.into_iter().filter(|word| !stands(word)).collect();
    assert!(missing.is_empty(), "not in {page}: {}", missing.join(", "));
}

#[test]
fn every_section_and_option_of_the_configuration_stands_in_its_page() {
    let (schema, page) = (schema(), read("docs/configuration.md"));
    let sections = schema["properties"].as_object().expect("sections");
    for (name, property) in sections {
        if name.ends_with("_file") {
            require(&page, [name.clone()], "docs/configuration.md");
            continue;
        }
        let text = section(&page, &format!("## `{name}`"));
        let is_elsewhere = ["sinks", "rules"].contains(&name.as_str());
        if !is_elsewhere {
            require(text, keys(&schema, property), "docs/configuration.md");
        }
    }
}

#[test]
fn every_option_of_every_sink_stands_in_its_page() {
    let (schema, page) = (schema(), read("docs/sinks.md"));
    let sinks = &schema["properties"]["sinks"]["additionalProperties"];
    let types = sinks["allOf"].as_array().expect("a schema for each type");
    let options = |entry: &Value| keys(&schema, &entry["then"]);
    let mut common = options(&types[0]);
    for entry in types {
        common = &common & &options(entry);
    }
    let of_all = section(&page, "## Options of every sink");
    require(
        of_all,
        common.clone(),
        "docs/sinks.md, Options of every sink",
    );
    for entry in types {
        let kind = entry["if"]["properties"]["type"]["const"].as_str();
        let kind = kind.expect("the name of a type");
        let heading = match kind {
            "email" => "## E-mail".to_owned(),
            other => format!("## {}{}", other[..1].to_uppercase(), &other[1..]),
        };
        let own = &options(entry) - &common;
        require(
            section(&page, &heading),
            own,
            &format!("docs/sinks.md, {kind}"),
        );
    }
}

#[test]
fn every_option_stands_in_the_annotated_file() {
    let (schema, file) = (schema(), read("config/smswatch.yaml"));
    let mut options = BTreeSet::new();
    for (name, property) in schema["properties"].as_object().expect("sections") {
        options.insert(name.clone());
        if name != "rules" {
            options.append(&mut keys(&schema, property));
        }
    }
    let sinks = &schema["properties"]["sinks"]["additionalProperties"];
    for entry in sinks["allOf"].as_array().expect("a schema for each type") {
        options.append(&mut keys(&schema, &entry["then"]));
    }
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    // The form with a file is explained once, for all secrets.
    let missing = options.iter().filter(|name| !name.ends_with("_file"));
    let missing = missing.filter(|name| {
        let key = format!("{name}:");
        let mut places = file.match_indices(&key).map(|(at, _)| at);
        !places.any(|at| !file[..at].ends_with(is_part))
    });
    let missing: Vec<_> = missing.collect();
    assert!(
        missing.is_empty(),
        "not in config/smswatch.yaml: {missing:?}"
    );
}

#[test]
fn every_key_of_a_rule_and_every_event_stands_in_its_page() {
    let (schema, page) = (schema(), read("docs/rules.md"));
    let properties = |name: &str| {
        let properties = schema["$defs"][name]["properties"].as_object();
        let names = properties.expect("properties").keys().cloned();
        names.collect::<Vec<_>>()
    };
    require(&page, properties("RuleDocument"), "docs/rules.md");
    require(&page, properties("TemplateDocument"), "docs/rules.md");
    let keys = section(&page, "## What you can match");
    require(
        keys,
        properties("MatchDocument"),
        "docs/rules.md, What you can match",
    );
    let telling = ["event", "rule", "severity", "sink"].map(str::to_owned);
    require(&read("docs/silences.md"), telling, "docs/silences.md");
    let words = schema["$defs"]["EventWord"]["oneOf"].as_array();
    let words = words
        .expect("words")
        .iter()
        .map(|word| word["const"].as_str());
    let words = words.map(|word| word.expect("a word").to_owned());
    require(section(&page, "## Events"), words, "docs/rules.md, Events");
}
