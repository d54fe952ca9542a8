//! Secrets as environments and files hand them over.

use super::words::TOLD;
use super::{ROUTEE, load, shipped, types};
use crate::settings::{schema, walk};

#[test]
fn a_line_break_around_a_secret_is_trimmed_wherever_it_comes_from() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    for (written, content) in [
        ("\"${LINE}\"", ""),
        ("${LINE}", ""),
        ("\"${WINDOWS}\"", ""),
        ("\"${MISSING:-t0ken\\r\\n}\"", ""),
        ("\"t0ken\\n\"", ""),
        ("\"\\nt0ken\\n\\n\"", ""),
        ("|\n    t0ken\n", ""),
        ("file", "t0ken\n"),
        ("file", "t0ken\r\n"),
        ("file", "\u{FEFF}t0ken\r\n"),
        ("file", "t0ken"),
    ] {
        std::fs::write(&file, content).expect("it is written");
        let value = match written {
            "file" => format!("_file: {:?}", file.display().to_string()),
            written => format!(": {written}"),
        };
        let text = format!(
            "routee:\n  application_id: a\n  application_secret{value}\n\
             http:\n  token{value}\n{TOLD}"
        );
        let loaded = load(&text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        let configuration = loaded.configuration;
        assert_eq!(
            configuration.routee.application_secret.reveal(),
            "t0ken",
            "{text}"
        );
        assert_eq!(
            configuration.http.tokens[0].token.reveal(),
            "t0ken",
            "{text}"
        );
        assert_eq!(loaded.warnings, [], "{text}");
    }
}

#[test]
fn secrets_in_lists_and_of_every_sink_are_trimmed_and_read_from_files_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, "t0ken\r\n").expect("it is written");
    let text = format!(
        "{ROUTEE}http: {{tokens: [{{name: a, scope: read, token_file: {:?}}}, \
         {{name: b, scope: write, token: \"${{NUMBER}}\"}}]}}\n\
         sinks:\n  w: {{type: webhook, url: \"https://crm.example.com/x\\n\", secrets: [\"plain\\n\"], \
         headers: {{authorization: \"Bearer x\\n\"}}}}\n",
        file.display().to_string()
    );
    let loaded = load(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let tokens = loaded.configuration.http.tokens;
    assert_eq!(tokens[0].token.reveal(), "t0ken");
    assert_eq!(tokens[1].token.reveal(), "0123456");
}

#[test]
fn what_is_probably_no_part_of_a_secret_is_warned_of() {
    let said: Vec<String> = [
        "\"${QUOTED}\"",
        "' t0ken'",
        "\"t0ken\\u200b\"",
        "\"'t0ken'\"",
    ]
    .iter()
    .flat_map(|written| {
        let loaded = load(&format!(
            "{ROUTEE}sinks: {{w: {{type: webhook, url: \"https://e.com\", secret: {written}}}}}\n\
                 rules: [{{name: all, notify: [w]}}]"
        ));
        let warnings = loaded.expect("it can be used").warnings;
        assert!(
            warnings
                .iter()
                .all(|warning| !warning.to_string().contains("value-of"))
        );
        warnings.into_iter().map(|warning| warning.message)
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    `secret` begins and ends with a quotation mark: Docker's --env-file keeps them
    `secret` begins or ends with a blank
    `secret` begins or ends with an invisible character
    `secret` begins and ends with a quotation mark: Docker's --env-file keeps them
    ");
}

#[test]
fn an_id_from_a_variable_has_no_line_break_either() {
    let text = "routee: {application_id: \"${LINE}\", application_secret: s}";
    let loaded = load(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(loaded.configuration.routee.application_id, "t0ken");
}

#[test]
fn a_secret_that_is_empty_but_for_line_breaks_is_refused() {
    let problems = load(&format!("{ROUTEE}http: {{token: \"\\n\"}}")).expect_err("it is empty");
    assert!(
        problems[0].message.contains("must not be empty"),
        "{problems:?}"
    );
}

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
        let end = behind.find("type: ").unwrap_or(behind.len());
        let choices = whole["properties"]["sinks"]["additionalProperties"]["allOf"].as_array();
        let mut choices = choices.expect("kinds of sinks").iter();
        let own = choices.find(|choice| choice["if"]["properties"]["type"]["const"] == name);
        let own = &own.expect("a schema")["then"];
        for key in own["properties"].as_object().expect("options").keys() {
            let is_common = crate::settings::sinks::COMMON.contains(&key.as_str());
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
