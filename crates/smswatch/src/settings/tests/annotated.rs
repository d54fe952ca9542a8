//! Defaults and options are the same wherever they are told: core's settings, the annotated file, the
//! descriptions of the schema, and the documentation.

use serde_json::{Value, json};
use smswatch_core::settings::PrivacySettings;
use smswatch_rules::Span;

use super::{ROUTEE, load, shipped, types};
use crate::settings::document::{CommonSinkSection, PrivacySection};
use crate::settings::{convert, schema, walk};

#[test]
fn the_effective_configuration_has_every_default_and_no_secret() {
    let text = "\
routee: {application_id: sim-app, application_secret: hunter2}
store: {url: \"redis://user:hunter2@127.0.0.1:6379/1\"}
http: {token: hunter2}
heartbeat: {url: \"https://hc.example.com/ping/hunter2\"}
proxy: \"http://user:hunter2@proxy:3128\"
sinks:
  mail: {type: email, smtp: \"smtp://u:hunter2@h\", from: a@example.com, to: [b@example.com], fallback: crm}
  crm: {type: webhook, url: \"https://crm.example.com/hunter2\", secrets: [hunter2], headers: {x: hunter2}}
rules:
  - {name: one, match: {status: Failed}, notify: [mail]}
";
    let loaded = load(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let yaml = serde_yaml::to_string(&loaded.effective).expect("YAML");
    assert!(!yaml.contains("hunter2"), "{yaml}");
    insta::assert_snapshot!(yaml);
}

/// What takes effect of `text`, section by section.
fn effective(text: &str) -> Value {
    let loaded = load(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    loaded.effective
}

/// The configuration in which the operator chose nothing that can be left out.
fn defaults() -> Value {
    effective(&format!(
        "{ROUTEE}sinks: {{console: {{type: console, fallback: b}}, b: {{type: console}}}}"
    ))
}

#[test]
fn the_annotated_file_says_the_defaults() {
    let annotated = effective(&shipped("smswatch.yaml"));
    let defaults = defaults();
    for (name, section) in defaults.as_object().expect("sections") {
        match name.as_str() {
            "sinks" | "rules" => {}
            "routee" => {
                for (option, default) in section.as_object().expect("options") {
                    let is_credential = option.starts_with("application_");
                    assert!(
                        is_credential || annotated[name][option] == *default,
                        "{option}"
                    );
                }
            }
            _ => assert_eq!(annotated[name], *section, "{name}"),
        }
    }
}

/// A value written as YAML.
fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).expect("YAML")
}

/// A value in one of the ways in which it can be written: `24h` is `1d`, and `20` is `20.0`.
fn meant(value: &Value) -> Value {
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), meant(value)))
            .collect(),
        Value::Array(items) => items.iter().map(meant).collect(),
        Value::Number(number) => json!(number.as_f64()),
        Value::String(text) => match text.parse::<Span>() {
            Ok(span) => json!(span),
            Err(_) => value.clone(),
        },
        other => other.clone(),
    }
}

#[test]
fn the_annotated_file_says_the_defaults_of_every_sink() {
    let text = shipped("smswatch.yaml");
    let defaults = &defaults()["sinks"]["console"];
    let mut n_told = 0;
    for (option, default) in defaults.as_object().expect("options") {
        let begins = format!("#   {option}: ");
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(&begins));
        if option == "type" || option == "fallback" {
            continue;
        }
        let told = lines
            .next()
            .unwrap_or_else(|| panic!("{option} is not there"));
        let value = told.split("   ").next().unwrap_or_default();
        assert_eq!(meant(&yaml(value)), meant(default), "{option}");
        n_told += 1;
    }
    assert_eq!(n_told, 6);
}

/// What a description says of the default, where it is a value and no words.
fn told_default(description: &str) -> Option<Value> {
    let (_, told) = description.rsplit_once("Default: ")?;
    let value = match told.strip_prefix('`') {
        Some(quoted) => quoted.split('`').next()?,
        None => told
            .split(['.', ' '])
            .next()
            .filter(|word| word.parse::<u64>().is_ok())?,
    };
    Some(yaml(value))
}

#[test]
fn descriptions_of_options_say_the_defaults() {
    let whole = schema::internal(&types());
    let defaults = defaults();
    let mut n_told = 0;
    let mut check = |schemas: &[&Value], values: &Value, place: &str| {
        for schema in schemas {
            let options = schema["properties"].as_object().into_iter().flatten();
            for (option, described) in options {
                let told = described["description"].as_str().and_then(told_default);
                if let Some(told) = told {
                    assert_eq!(meant(&values[option]), meant(&told), "{place}: {option}");
                    n_told += 1;
                }
            }
        }
    };
    let root = walk::root(&whole);
    for (name, values) in defaults.as_object().expect("sections") {
        check(&walk::property(&whole, &root, None, name), values, name);
    }
    let sink = json!({ "type": "console" });
    let sinks = walk::property(&whole, &root, None, "sinks");
    let console = walk::property(&whole, &sinks, None, "console");
    for schema in console {
        for choice in schema["allOf"].as_array().into_iter().flatten() {
            if choice["if"]["properties"]["type"]["const"] == sink["type"] {
                check(&[&choice["then"]], &defaults["sinks"]["console"], "sinks");
            }
        }
    }
    assert!(n_told > 20, "{n_told}");
}

/// The options of the table below a heading, each with its default where that is a value and no words.
fn table(page: &str, heading: &str) -> Vec<(String, Value)> {
    let begins = format!("\n{heading}\n");
    let (_, below) = page
        .split_once(&begins)
        .unwrap_or_else(|| panic!("{heading}"));
    let section = below.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter_map(|row| {
        let (option, _) = row.split_once('`')?;
        let default = row.trim_end_matches(" |").rsplit(" | ").next()?;
        let quoted = default
            .strip_prefix('`')
            .and_then(|default| default.strip_suffix('`'));
        let number = Some(default).filter(|default| default.parse::<u64>().is_ok());
        Some((option.to_owned(), yaml(quoted.or(number)?)))
    });
    rows.collect()
}

#[test]
fn the_documentation_says_the_defaults() {
    let defaults = defaults();
    let [configuration, sinks] = ["configuration.md", "sinks.md"].map(|name| {
        let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("the page is there")
    });
    let mut n_told = 0;
    let mut check = |told: Vec<(String, Value)>, values: &Value, place: &str| {
        for (option, default) in told {
            assert_eq!(
                meant(&default),
                meant(&values[&option]),
                "{place}: {option}"
            );
            n_told += 1;
        }
    };
    for name in [
        "routee", "store", "watch", "http", "privacy", "history", "alarms",
    ] {
        check(
            table(&configuration, &format!("## `{name}`")),
            &defaults[name],
            name,
        );
    }
    let of_all = table(&sinks, "## Options of every sink");
    check(of_all, &defaults["sinks"]["console"], "sinks");
    assert!(n_told > 25, "{n_told}");
}

#[test]
fn nothing_personal_is_shown_or_kept_by_default() {
    let section = PrivacySection::default();
    assert_eq!(convert::privacy(&section), PrivacySettings::default());
}

/// The lines of the annotated file from the one that begins a section to the next section.
fn block<'a>(text: &'a str, section: &str) -> String {
    let begins = |line: &str| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        line.starts_with(char::is_alphabetic)
            && line.contains(':')
            && !line.contains(". ")
            && line
                .split(':')
                .next()
                .is_some_and(|name| !name.contains(' '))
    };
    let is_it = |line: &str| {
        let line = line.strip_prefix("# ").unwrap_or(line);
        line.strip_prefix(section)
            .is_some_and(|rest| rest.starts_with(':'))
    };
    let lines: Vec<&'a str> = text.lines().collect();
    let start = lines.iter().position(|line| is_it(line));
    let start = start.unwrap_or_else(|| panic!("`{section}` is not in the annotated file"));
    let behind = &lines[start + 1..];
    let end = behind
        .iter()
        .position(|line| begins(line))
        .unwrap_or(behind.len());
    lines[start..=start + end].join("\n")
}

fn has(text: &str, key: &str) -> bool {
    text.match_indices(&format!("{key}:")).any(|(at, _)| {
        !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

#[test]
fn the_annotated_file_has_every_option_of_the_schema() {
    let text = shipped("smswatch.yaml");
    let whole = schema::internal(&types());
    let root = walk::root(&whole);
    let mut missing = Vec::new();
    let sections = whole["properties"].as_object().expect("sections");
    for section in sections
        .keys()
        .filter(|name| *name != "rules" && *name != "sinks")
    {
        let block = block(&text, section);
        let schemas = walk::property(&whole, &root, None, section);
        for key in keys(&whole, &schemas) {
            if !has(&block, &key) {
                missing.push(format!("{section}: {key}"));
            }
        }
    }
    for (name, _) in types().iter() {
        let kind = format!("type: {name}");
        let from = text
            .find(&kind)
            .unwrap_or_else(|| panic!("`{kind}` is not there"));
        let behind = &text[from + kind.len()..];
        let mut types = behind.match_indices("type: ").map(|(at, _)| at);
        // `content_type` is an option among others.
        let end = types.find(|at| !behind[..*at].ends_with('_'));
        let end = end.unwrap_or(behind.len());
        let choices = whole["properties"]["sinks"]["additionalProperties"]["allOf"].as_array();
        let mut choices = choices.expect("kinds of sinks").iter();
        let own = choices.find(|choice| choice["if"]["properties"]["type"]["const"] == name);
        let own = &own.expect("a schema")["then"];
        for key in own["properties"].as_object().expect("options").keys() {
            let is_common = CommonSinkSection::has(key);
            let place = if is_common {
                text.as_str()
            } else {
                &behind[..end]
            };
            if key != "type" && !has(place, key) {
                missing.push(format!("{name}: {key}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// The keys of a section, and of the sections in it.
fn keys(whole: &serde_json::Value, schemas: &[&serde_json::Value]) -> Vec<String> {
    let mut found = Vec::new();
    for schema in schemas {
        for name in schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
        {
            found.push(name.clone());
            let inner = walk::property(whole, schemas, None, name);
            found.extend(keys(whole, &inner));
            found.extend(keys(whole, &walk::item(whole, &inner)));
        }
    }
    found
}
